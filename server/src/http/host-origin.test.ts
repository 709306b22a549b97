import { describe, expect, it } from 'vitest';
import { request, startSmallApp } from '../../test/small-app.ts';
import { edgeRules } from './host-origin.ts';

describe('a server that only this machine can reach', () => {
  const rules = edgeRules({ host: '127.0.0.1' });

  it.each(['localhost', 'LOCALHOST:3000', '127.0.0.1:1', '[::1]', '[::1]:65535'])(
    'answers for %s',
    (host) => {
      expect(rules.allowsHost(host)).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost:3000:3000',
    '127.0.0.1.nip.io',
    '::1',
    '127.0.0.2',
    'localhost ',
  ])('does not answer for %s', (host) => {
    expect(rules.allowsHost(host)).toBe(false);
  });

  it.each([undefined, 'http://localhost:5173', 'https://127.0.0.1', 'http://[::1]:80'])(
    'lets the origin %s in',
    (origin) => {
      expect(rules.allowsOrigin(origin)).toBe(true);
    },
  );

  it.each([
    'null',
    '',
    'http://evil.example',
    'http://localhost.evil.example',
    'file://localhost',
    'http://localhost/x',
  ])('keeps the origin %j out', (origin) => {
    expect(rules.allowsOrigin(origin)).toBe(false);
  });
});

describe('a server that others can reach', () => {
  it('does not start without the names that clients use', () => {
    expect(() => edgeRules({ host: '0.0.0.0' })).toThrow(/0\.0\.0\.0/);
    expect(() => edgeRules({ host: '::', allowedHosts: [] })).toThrow(RangeError);
  });

  it('answers for its names only, on one port or on any', () => {
    const { allowsHost } = edgeRules({
      host: '0.0.0.0',
      allowedHosts: ['MCP.example.com', 'db.example.com:8443'],
    });
    expect(allowsHost('mcp.example.com')).toBe(true);
    expect(allowsHost('mcp.example.com:444')).toBe(true);
    expect(allowsHost('db.example.com:8443')).toBe(true);
    expect(allowsHost('db.example.com')).toBe(false);
    expect(allowsHost('localhost')).toBe(false);
  });

  it('lets in the origins that are listed, exactly', () => {
    const { allowsOrigin } = edgeRules({
      host: '0.0.0.0',
      allowedHosts: ['a'],
      allowedOrigins: ['https://app.example.com/'],
    });
    expect(allowsOrigin('https://app.example.com')).toBe(true);
    expect(allowsOrigin('http://app.example.com')).toBe(false);
    expect(allowsOrigin('https://app.example.com:444')).toBe(false);
    expect(allowsOrigin('http://localhost')).toBe(false);
  });
});

describe('the guarded application', () => {
  it('refuses a foreign page and a foreign name with 403, but answers probes by any name', async () => {
    const { app, post } = await startSmallApp();
    expect((await post(request('ping'), { origin: 'https://evil.example' })).statusCode).toBe(403);
    expect((await post(request('ping'), { host: 'rebound.example' })).statusCode).toBe(403);
    for (const url of ['/healthz', '/readyz']) {
      const probe = await app.main.inject({ url, headers: { host: '10.1.2.3:3000' } });
      expect(probe.statusCode).toBe(200);
    }
    await app.main.close();
  });
});
