import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assertMayListen, confirmationKeyOf, policyOf } from './checks.ts';
import { loadConfig } from './load.ts';
import { configSchema } from './schema.ts';
import { assertSignIn } from './sign-in.ts';

const config = async (environment: Record<string, string>) => (await loadConfig({ environment })).config;

describe('listening without authentication', () => {
  const at = (host: string) => ({ ...configSchema.parse({}), host });

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('is allowed on %s', (host) => {
    expect(() => assertMayListen(at(host))).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'db.example.com', '127.0.0.1.example.com', '::ffff:10.0.0.1'])(
    'is refused on %s, unless it is asked for and the names are listed',
    (host) => {
      expect(() => assertMayListen(at(host))).toThrow(`Refusing to listen on ${host}`);
      const anonymous = { ...at(host), unsafeAllowAnonymous: true };
      expect(() => assertMayListen(anonymous)).toThrow('allowedHosts');
      expect(() => assertMayListen({ ...anonymous, allowedHosts: ['mcp.example.com'] })).not.toThrow();
    },
  );

  it('is allowed everywhere once callers must sign in, under the name of the public address', () => {
    const auth = configSchema.parse({ auth: { tokensFile: '/tokens.yaml' } }).auth;
    expect(() => assertMayListen({ ...at('0.0.0.0'), auth })).toThrow('publicUrl');
    const publicUrl = 'https://mcp.example.com';
    expect(() => assertMayListen({ ...at('0.0.0.0'), auth, publicUrl })).not.toThrow();
  });
});

describe('the confirmation key', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-key-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is left to be made when none is configured', async () => {
    await expect(confirmationKeyOf(await config({}))).resolves.toBeUndefined();
  });

  it('is read from its file, without the line end', async () => {
    const file = join(folder, 'key');
    await writeFile(file, `${'a'.repeat(32)}\n`);
    const key = await confirmationKeyOf(await config({ CNPG_MCP_CONFIRMATION_KEY_FILE: file }));
    expect(key).toEqual(Buffer.from('a'.repeat(32)));
  });

  it('is refused when its file is missing or too short', async () => {
    const short = join(folder, 'short');
    await writeFile(short, 'a'.repeat(31));
    const of = async (file: string) =>
      confirmationKeyOf(await config({ CNPG_MCP_CONFIRMATION_KEY_FILE: file }));
    await expect(of(short)).rejects.toThrow('at least 32 characters');
    await expect(of(join(folder, 'none'))).rejects.toThrow('ENOENT');
  });
});

describe('the policy', () => {
  it('limits namespaces and toolsets only when they are configured', async () => {
    expect(policyOf(await config({}))).toEqual({ readOnly: false, noDestroy: false, protectedClusters: [] });
    const environment = {
      CNPG_MCP_NAMESPACES: 'a,b',
      CNPG_MCP_TOOLSETS: 'roles',
      CNPG_MCP_PROTECTED_CLUSTERS: 'prod-*',
    };
    expect(policyOf(await config(environment))).toMatchObject({
      namespaces: ['a', 'b'],
      toolsets: ['roles'],
      protectedClusters: ['prod-*'],
    });
  });
});

describe('acting as the person', () => {
  const problems = (impersonation: Record<string, unknown>): string => {
    const { auth } = configSchema.parse({
      auth: { tokensFile: '/tokens.yaml', impersonation: { enabled: true, ...impersonation } },
    });
    try {
      assertSignIn({ ...configSchema.parse({}), auth });
    } catch (thrown) {
      return (thrown as Error).message;
    }
    return '';
  };

  it.each([
    [{ userPrefix: 'system:' }, 'auth.impersonation.userPrefix must not begin with "system:"'],
    [{ userPrefix: ' oidc:' }, 'auth.impersonation.userPrefix must not begin or end with a space'],
    [{ userPrefix: 'öidc:' }, 'auth.impersonation.userPrefix must hold ASCII characters only'],
    [{ groupPrefix: 'oidc:\n' }, 'auth.impersonation.groupPrefix must not hold control characters'],
    [
      { groupPrefix: '', allowedGroups: ['dba', 'system:masters'] },
      'allowedGroups, behind the groupPrefix, must not begin with "system:"',
    ],
    [
      { groupPrefix: 'sys', allowedGroups: ['tem:masters'] },
      'allowedGroups, behind the groupPrefix, must not begin with "system:"',
    ],
    [
      { userPrefix: '', userClaim: 'preferred_username' },
      'userPrefix must not be empty with the userClaim preferred_username',
    ],
    [{ userPrefix: '', userClaim: 'name' }, 'userPrefix must not be empty with the userClaim name'],
  ])('is not begun with %j', (impersonation, problem) => {
    expect(problems(impersonation)).toContain(problem);
    expect(problems({ ...impersonation, enabled: false })).toBe('');
  });

  it.each([
    {},
    { userPrefix: '', userClaim: 'sub' },
    { userPrefix: '', userClaim: 'email' },
    { userClaim: 'preferred_username', groupPrefix: '', allowedGroups: ['dba'] },
  ])('is begun with %j', (impersonation) => {
    expect(problems(impersonation)).toBe('');
  });
});
