import { describe, expect, it } from 'vitest';
import { modernHeaders, modernRequest } from '../../../test/modern-client.ts';
import { Gate } from './admit.ts';

const good = () => modernRequest('tools/call', { name: 'echo', arguments: {} }, { id: 1 });

/** What a gate says of a message: the request, or the code of the error. */
function verdict(gate: Gate, message: Record<string, unknown>, headers: Record<string, string>): unknown {
  try {
    return gate.admit(message, headers) ?? 'a notification';
  } catch (thrown) {
    const { code, status } = thrown as { code: number; status: number };
    return { code, status };
  }
}

describe('the gate', () => {
  it('admits a request, and the same envelope again', () => {
    const gate = new Gate();
    for (const id of [1, 2]) {
      const request = { ...good(), id };
      expect(gate.admit({ ...request }, modernHeaders(request))).toMatchObject({ id, method: 'tools/call' });
    }
  });

  const meta = good().params._meta;
  const odd: [string, Record<string, unknown>, Record<string, string>?][] = [
    ['another key beside the four', { extra: 1 }],
    ['a fraction as id', { id: 1.5 }],
    ['null as id', { id: null }],
    ['no id', { id: undefined }],
    ['another JSON-RPC', { jsonrpc: '1.0' }],
    ['a method that is no text', { method: 5 }],
    ['the handshake as method', { method: 'initialize' }],
    ['a list as params', { params: [] }],
    ['no params', { params: undefined }],
    ['a list as envelope', { params: { _meta: [meta] } }],
    [
      'a progress token that is an object',
      { params: { name: 'echo', _meta: { ...meta, progressToken: {} } } },
    ],
    [
      'a progress token that is a fraction',
      { params: { name: 'echo', _meta: { ...meta, progressToken: 0.5 } } },
    ],
    [
      'another log level',
      { params: { name: 'echo', _meta: { ...meta, 'io.modelcontextprotocol/logLevel': 'loud' } } },
    ],
    [
      'other capabilities',
      {
        params: {
          name: 'echo',
          _meta: { ...meta, 'io.modelcontextprotocol/clientCapabilities': { elicitation: 5 } },
        },
      },
    ],
    ['another version in its header', {}, { 'mcp-protocol-version': '2025-11-25' }],
    ['another method in its header', {}, { 'mcp-method': 'tools/list' }],
    ['another name in its header', {}, { 'mcp-name': 'drop' }],
  ];

  it.each(odd)(
    'says the same of a request with %s, whether it has seen the envelope before or not',
    (_what, odds, headers) => {
      const request = good();
      const entries = Object.entries({ ...request, ...odds }).filter(([, value]) => value !== undefined);
      const message = Object.fromEntries(entries);
      const sent = { ...modernHeaders(request), ...headers };
      const fresh = verdict(new Gate(), message, sent);
      const gate = new Gate();
      gate.admit({ ...request }, modernHeaders(request));
      expect(verdict(gate, message, sent)).toEqual(fresh);
    },
  );

  it('still admits when it has seen more envelopes than it remembers', () => {
    const gate = new Gate();
    for (let client = 0; client < 600; client += 1) {
      const clientInfo = { name: `client ${client}`, version: '1' };
      const request = modernRequest(
        'tools/list',
        {},
        { meta: { 'io.modelcontextprotocol/clientInfo': clientInfo } },
      );
      expect(gate.admit({ ...request }, modernHeaders(request))?.method).toBe('tools/list');
    }
  });
});
