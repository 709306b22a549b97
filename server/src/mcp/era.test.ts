import { classifyInboundRequest } from '@modelcontextprotocol/server';
import { describe, expect, test } from 'vitest';
import { isModernMessage, isModernRequest } from './era.ts';

const version = 'io.modelcontextprotocol/protocolVersion';
const capabilities = 'io.modelcontextprotocol/clientCapabilities';
const envelope = { [version]: '2026-07-28', [capabilities]: {} };
const request = (method: string, params?: unknown) => ({
  jsonrpc: '2.0',
  id: 1,
  method,
  ...(params !== undefined && { params }),
});

const cases: [string, { message: Record<string, unknown>; header?: string }][] = [
  ['a request with a modern envelope', { message: request('tools/list', { _meta: envelope }) }],
  [
    'a request with a modern envelope and header',
    { message: request('tools/list', { _meta: envelope }), header: '2026-07-28' },
  ],
  ['a request with neither', { message: request('tools/list') }],
  ['a request with the old header', { message: request('tools/list', {}), header: '2025-11-25' }],
  ['a request with only the modern header', { message: request('tools/list', {}), header: '2026-07-28' }],
  [
    'a request with the modern header in white space',
    { message: request('tools/list', {}), header: ' 2026-07-28 ' },
  ],
  ['a request with a later header', { message: request('tools/list', {}), header: '2027-01-01' }],
  [
    'an envelope that names an old revision',
    { message: request('tools/list', { _meta: { [version]: '2025-11-25' } }) },
  ],
  ['an envelope whose version is no text', { message: request('tools/list', { _meta: { [version]: 1 } }) }],
  [
    'an old envelope under a modern header',
    { message: request('tools/list', { _meta: { [version]: '2025-11-25' } }), header: '2026-07-28' },
  ],
  ['a handshake', { message: request('initialize', { protocolVersion: '2025-11-25' }) }],
  ['a handshake with a modern header', { message: request('initialize', {}), header: '2026-07-28' }],
  ['a handshake with a modern envelope', { message: request('initialize', { _meta: envelope }) }],
  [
    'a handshake with an old envelope',
    { message: request('initialize', { _meta: { ...envelope, [version]: '2025-11-25' } }) },
  ],
  ['an old notification', { message: { jsonrpc: '2.0', method: 'notifications/initialized' } }],
  [
    'a notification with a modern header',
    { message: { jsonrpc: '2.0', method: 'notifications/x' }, header: '2026-07-28' },
  ],
  ['a posted response', { message: { jsonrpc: '2.0', id: 1, result: {} }, header: '2026-07-28' }],
  ['a question for discovery without an envelope', { message: request('server/discover', {}) }],
];

describe('the era of a request', () => {
  test.each(cases)('%s is decided as the SDK of the modern side decides', (_name, { message, header }) => {
    const decided = classifyInboundRequest({
      httpMethod: 'POST',
      body: message,
      ...(header !== undefined && { protocolVersionHeader: header }),
    });
    const headers = header === undefined ? {} : { 'mcp-protocol-version': header };
    expect(isModernRequest({ message, headers })).toBe(decided.kind !== 'legacy');
  });

  test.each([
    ['null as params', request('tools/list', null)],
    ['a list as _meta', request('tools/list', { _meta: [version] })],
  ])('a message with %s claims nothing: the older generation refuses it', (_name, message) => {
    expect(isModernRequest({ message, headers: {} })).toBe(false);
  });

  test('is told from the message alone where there are no headers', () => {
    expect(isModernMessage(request('server/discover', { _meta: envelope }))).toBe(true);
    expect(isModernMessage(request('initialize', { protocolVersion: '2025-11-25' }))).toBe(false);
    expect(isModernMessage({ jsonrpc: '2.0', method: 'notifications/initialized' })).toBe(false);
  });
});
