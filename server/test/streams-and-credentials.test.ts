/**
 * Streams of both generations and the tokens that opened them: a stream ends with its token, when the token is taken out, and
 * when its grants no longer cover what it tells; and it never promises what its caller may not see.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import { type Issuer, openIssuer } from '../src/auth/issuer.ts';
import { builtInRules, defaultClaimPaths, type OidcOptions } from '../src/auth/options.ts';
import { openStaticTokens } from '../src/auth/static-tokens.ts';
import { createAudit } from '../src/observability/audit.ts';
import { createLogger } from '../src/observability/logger.ts';
import { type FakeIdp, startFakeIdp } from './fake-idp.ts';
import { messagesOf, modernHeaders, modernRequest } from './modern-client.ts';
import { type ResourceWorld, startResourceWorld } from './resource-world.ts';
import { request, type SmallApp, startSmallApp } from './small-app.ts';

const resource = 'https://mcp.example.com/mcp';
let idp: FakeIdp;
let world: ResourceWorld;
let folder: string;
let issuer: Issuer;
let app: SmallApp;
let url: URL;
/** Lines of the audit log. */
let lines: Record<string, unknown>[];

beforeAll(async () => {
  idp = await startFakeIdp(resource);
  world = await startResourceWorld('shop');
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-streams-'));
});
afterAll(async () => {
  await idp.close();
  await world.close();
  await rm(folder, { recursive: true });
});

type Grants = { effect: string; namespaces?: string[]; toolsets?: string[] }[];

/** Writes the tokens file: the token of a name is the name. */
const tokensAre = (tokens: Record<string, Grants>): Promise<void> =>
  writeFile(
    join(folder, 'tokens.yaml'),
    JSON.stringify({
      tokens: Object.entries(tokens).map(([name, grants]) => ({
        name,
        sha256: createHash('sha256').update(name).digest('hex'),
        grants,
      })),
    }),
  );
/** Time passes for tokens and files; the server looks at its streams every 20 ms. */
const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  await tokensAre({ ci: [{ effect: 'read' }], nobody: [] });
  lines = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const audit = createAudit({ stream, logger: createLogger({ level: 'silent' }) });
  const options: OidcOptions = {
    issuer: idp.issuer,
    audiences: [resource],
    claims: defaultClaimPaths,
    rules: builtInRules,
    scopePrefix: '',
    maxTokenLifetimeSeconds: 86_400,
  };
  issuer = openIssuer(options, () => undefined);
  const path = join(folder, 'tokens.yaml');
  const onProblem = () => undefined;
  const tokens = await openStaticTokens({ path, rules: [], mustImpersonate: false, onProblem });
  app = await startSmallApp({
    surface: world.surface(),
    authenticator: createAuthenticator({ oidc: { options, issuer }, tokens }),
    sessions: { total: 9, perPrincipal: 9, idleSeconds: 600, lifetimeSeconds: 600 },
    auditRefusal: audit.refusal,
    auditStreamEnd: audit.streamEnd,
    streamLookMilliseconds: 20,
  });
  url = await app.listen();
  await vi.waitFor(() => expect(issuer.status().ready).toBe(true));
});
afterEach(async () => {
  await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
  await issuer.close();
  vi.useRealTimers();
});

const ends = () =>
  lines
    .filter(({ type }) => type === 'stream_end')
    .map(({ rule, method, principal }) => ({ rule, method, principal }));

/** Messages of a stream as they come, and whether it is over. */
function read(response: Response) {
  const seen = { messages: [] as Record<string, unknown>[], over: false };
  const drain = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      seen.messages = messagesOf(text);
    }
    seen.over = true;
  };
  void drain();
  return seen;
}

const orders = 'cnpg://shop/orders';

/** `subscriptions/listen` of 2026-07-28. */
async function listen(token: string, notifications: object) {
  const message = modernRequest('subscriptions/listen', { notifications });
  const headers = { ...modernHeaders(message), authorization: `Bearer ${token}` };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(message) });
}

/** A session of 2025-11-25 that is subscribed to a resource, and what sends to it. */
async function session(token: string) {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  };
  const send = async (body?: object) => {
    const method = body ? 'POST' : 'GET';
    return fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  };
  const capabilities = { elicitation: {} };
  const clientInfo = { name: 'test', version: '1' };
  const opened = await send(
    request('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo }),
  );
  await opened.text();
  headers['mcp-session-id'] = opened.headers.get('mcp-session-id') as string;
  const subscribed = await (await send(request('resources/subscribe', { uri: orders }, 2))).json();
  return { send, subscribed };
}

const openers = [
  ['subscriptions/listen', (token: string) => listen(token, { resourceSubscriptions: [orders] })],
  ['GET', async (token: string) => (await session(token)).send()],
] as const;

describe.each(openers)('a stream opened by %s', (method, open) => {
  it('ends when its token has expired, with the tolerance for clocks, and leaves one audit line', async () => {
    const token = await idp.token({ exp: Math.floor(Date.now() / 1000) + 100 });
    const stream = read(await open(token));
    later(150);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([stream.over, ends()]).toEqual([false, []]);
    later(11);
    await vi.waitFor(() => expect(stream.over).toBe(true));
    expect(ends()).toEqual([{ rule: 'credential_expired', method, principal: `${idp.issuer}|alice` }]);
    expect((await open(token)).status, 'coming back shows why').toBe(401);
  });

  it('ends when its token is taken out of the tokens file', async () => {
    const stream = read(await open('ci'));
    await tokensAre({ nobody: [] });
    later(3);
    await vi.waitFor(() => expect(stream.over).toBe(true));
    expect(ends()).toEqual([{ rule: 'credential_revoked', method, principal: 'token:ci' }]);
  });

  it('ends when the grants of its token no longer cover what it tells', async () => {
    const stream = read(await open('ci'));
    await tokensAre({ ci: [{ effect: 'read', namespaces: ['bank'] }] });
    later(3);
    await vi.waitFor(() => expect(stream.over).toBe(true));
    expect(ends()).toEqual([{ rule: 'grants', method, principal: 'token:ci' }]);
  });

  it('goes on while they do', async () => {
    const stream = read(await open('ci'));
    await tokensAre({ ci: [{ effect: 'read', namespaces: ['shop'] }] });
    later(3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    world.setPhase('orders', `Phase ${method}`);
    await vi.waitFor(() =>
      expect(stream.messages.at(-1)).toMatchObject({
        method: 'notifications/resources/updated',
        params: { uri: orders },
      }),
    );
    expect([stream.over, ends()]).toEqual([false, []]);
  });

  it('survives a tokens file that breaks, like the token itself', async () => {
    const stream = read(await open('ci'));
    await writeFile(join(folder, 'tokens.yaml'), '{');
    later(3);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([stream.over, ends()]).toEqual([false, []]);
  });
});

describe('a tokens file that is replaced by a FIFO, which nobody ever writes to', () => {
  it('keeps nobody from signing in, no stream from its end, and no file from being read when it is back', async () => {
    const path = join(folder, 'tokens.yaml');
    const open = (token: string) => listen(token, { toolsListChanged: true });
    const expiring = read(await open(await idp.token({ exp: Math.floor(Date.now() / 1000) + 100 })));
    const ofFile = read(await open('ci'));
    await rm(path);
    execFileSync('mkfifo', [path]);
    later(3);
    expect((await open('ci')).status).toBe(200);
    later(160);
    await vi.waitFor(() => expect(expiring.over).toBe(true));
    expect(ofFile.over).toBe(false);
    await rm(path);
    await tokensAre({ nobody: [] });
    later(3);
    await vi.waitFor(() => expect(ofFile.over).toBe(true));
  });
});

describe('the end of a stream', () => {
  it('of 2026-07-28 is its result', async () => {
    const stream = read(await listen('ci', { toolsListChanged: true }));
    await tokensAre({ nobody: [] });
    later(3);
    await vi.waitFor(() => expect(stream.over).toBe(true));
    expect(stream.messages.at(-1)).toMatchObject({ result: { resultType: 'complete' } });
  });

  it('of a session leaves out, when it is opened again, what the caller may not be told any more', async () => {
    const { send } = await session('ci');
    const before = read(await send());
    await tokensAre({ ci: [{ effect: 'read', namespaces: ['bank'] }] });
    later(3);
    await vi.waitFor(() => expect(before.over).toBe(true));
    const after = read(await send());
    const updates = () =>
      after.messages.filter((message) => message.method === 'notifications/resources/updated');
    await vi.waitFor(() => expect(updates()).toHaveLength(1));
    world.setPhase('orders', 'Nothing for others');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([updates().length, after.over]).toEqual([1, false]);
  });
});

describe('a caller without a right', () => {
  it('is promised no changes of lists that it cannot see, and told why', async () => {
    const response = await listen('nobody', { toolsListChanged: true, resourcesListChanged: true });
    const [acknowledged, result] = messagesOf(await response.text());
    expect(acknowledged).toMatchObject({
      params: {
        notifications: {},
        _meta: {
          'cnpg-mcp.io/notGranted': [
            { notification: 'toolsListChanged', code: 'policy_denied' },
            { notification: 'resourcesListChanged', code: 'policy_denied' },
          ],
        },
      },
    });
    expect(result).toHaveProperty('result');
  });

  it('is refused a resource in both generations', async () => {
    const { subscribed } = await session('nobody');
    expect(subscribed).toMatchObject({ error: { data: { code: 'policy_denied' } } });
    const [acknowledged] = messagesOf(
      await (await listen('nobody', { resourceSubscriptions: [orders] })).text(),
    );
    expect(acknowledged).toMatchObject({
      params: {
        notifications: {},
        _meta: {
          'cnpg-mcp.io/notGranted': [
            { notification: 'resourceSubscriptions', uri: orders, code: 'policy_denied' },
          ],
        },
      },
    });
  });

  it('is told of the scope that it lacks in both generations, before anything is opened', async () => {
    const token = await idp.token({ scope: 'openid' });
    const { send } = await session(token);
    const answers = [
      await send(request('resources/subscribe', { uri: orders }, 3)),
      await listen(token, { resourceSubscriptions: [orders] }),
      await listen(token, { resourcesListChanged: true }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(answer.headers.get('www-authenticate')).toContain('scope="cnpg:read"');
    }
    const tools = await listen(token, { toolsListChanged: true });
    expect(tools.status, 'tools that a scope leads to are listed, so their list may be listened to').toBe(
      200,
    );
    await tools.body?.cancel();
  });
});
