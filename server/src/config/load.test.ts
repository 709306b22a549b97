import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectiveSettings } from './effective.ts';
import { type ConfigSources, loadConfig } from './load.ts';
import { settings } from './schema.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, `${Math.random()}.yaml`);
  await writeFile(path, text);
  return path;
}

const load = (sources: Partial<ConfigSources>) => loadConfig({ environment: {}, ...sources });
const flags = (values: Record<string, string>) => ({ flags: new Map(Object.entries(values)) });

describe('where a setting comes from', () => {
  it('has a default for everything that needs one', async () => {
    const { config, origins } = await load({});
    expect(config).toMatchObject({
      transport: 'stdio',
      host: '127.0.0.1',
      port: 3000,
      confirmation: 'token',
    });
    expect(origins.size).toBe(0);
  });

  it('prefers flags to the environment, the environment to the file, the file to the default', async () => {
    const path = await file('port: 1\nhost: 127.0.0.2\nmaxInstances: 3\n');
    const environment = { CNPG_MCP_PORT: '2', CNPG_MCP_HOST: '127.0.0.3' };
    const { config, origins } = await load({ file: path, environment, ...flags({ port: '4' }) });
    expect(config).toMatchObject({ port: 4, host: '127.0.0.3', maxInstances: 3, managementPort: 9464 });
    expect(Object.fromEntries(origins)).toEqual({
      port: 'flag --port',
      host: 'environment CNPG_MCP_HOST',
      maxInstances: `file ${path}`,
    });
  });

  it('takes PORT, unless CNPG_MCP_PORT is set too', async () => {
    expect((await load({ environment: { PORT: '4204' } })).config.port).toBe(4204);
    expect((await load({ environment: { PORT: '4204', CNPG_MCP_PORT: '5' } })).config.port).toBe(5);
  });

  it('takes the file that CNPG_MCP_CONFIG names, unless --config names another', async () => {
    const environment = { CNPG_MCP_CONFIG: await file('port: 7') };
    expect((await load({ environment })).config.port).toBe(7);
    expect((await load({ environment, file: await file('port: 8') })).config.port).toBe(8);
  });

  it('treats an empty variable, an empty file and an empty key as not set', async () => {
    const { config } = await load({ environment: { CNPG_MCP_PORT: '' }, file: await file('') });
    expect(config.port).toBe(3000);
    expect((await load({ file: await file('namespace:\nport: 9') })).config).toMatchObject({ port: 9 });
  });

  it('takes an empty text from a flag and from the file, where a variable without a value says nothing', async () => {
    const key = 'auth.impersonation.userPrefix';
    const environment = { CNPG_MCP_AUTH_IMPERSONATION_USER_PREFIX: '' };
    const path = await file('auth: {impersonation: {userPrefix: ""}}');
    const prefix = async (sources: object) => {
      const { config, origins } = await load({ environment, ...sources });
      return [config.auth.impersonation.userPrefix, origins.get(key)];
    };
    expect(await prefix({})).toEqual(['oidc:', undefined]);
    expect(await prefix({ file: path })).toEqual(['', `file ${path}`]);
    const flags = new Map([['auth-impersonation-user-prefix', '']]);
    expect(await prefix({ flags })).toEqual(['', 'flag --auth-impersonation-user-prefix']);
  });

  it('is not confused by the variables that Kubernetes sets for a Service named cnpg-mcp', async () => {
    const environment = {
      CNPG_MCP_PORT: 'tcp://10.96.0.7:80',
      CNPG_MCP_PORT_80_TCP: 'tcp://10.96.0.7:80',
      CNPG_MCP_PORT_80_TCP_ADDR: '10.96.0.7',
      CNPG_MCP_PORT_80_TCP_PORT: '80',
      CNPG_MCP_PORT_80_TCP_PROTO: 'tcp',
      CNPG_MCP_SERVICE_HOST: '10.96.0.7',
      CNPG_MCP_SERVICE_PORT: '80',
      CNPG_MCP_SERVICE_PORT_HTTP: '80',
    };
    expect((await load({ environment })).origins.size).toBe(0);
  });
});

describe('oidc.yaml', () => {
  it('is the last source: whatever else is set wins, key by key', async () => {
    const path = await file(
      'issuer: https://idp.example.com\naudience: api\njwks_uri: https://idp.example.com/keys\nscope: openid\npublic_url: https://mcp.example.com\n',
    );
    const environment = { OIDC_AUDIENCE: 'a,b' };
    const { config, origins } = await load({
      environment,
      oidcFilePlaces: [join(folder, 'nowhere.yaml'), path],
    });
    expect(config).toMatchObject({
      publicUrl: 'https://mcp.example.com',
      auth: {
        issuer: 'https://idp.example.com',
        audiences: ['a', 'b'],
        jwksUri: 'https://idp.example.com/keys',
        requiredScope: 'openid',
      },
    });
    expect(origins.get('auth.issuer')).toBe(`file ${path}`);
  });

  it('may be named, and must then be there', async () => {
    const path = await file('audience: [x, y]');
    const { config } = await load(flags({ 'auth-oidc-file': path }));
    expect(config.auth.audiences).toEqual(['x', 'y']);
    await expect(load(flags({ 'auth-oidc-file': join(folder, 'nowhere.yaml') }))).rejects.toThrow('ENOENT');
  });

  it('may hold what has no meaning here; that is said, without its value', async () => {
    const path = await file('client_id: abc\nclient_secret: hunter2\naudiense: x\n');
    const { warnings } = await load({ oidcFilePlaces: [path] });
    expect(warnings).toEqual([
      `client_id in ${path} has no effect: this server checks tokens and hands out none.`,
      `client_secret in ${path} has no effect: this server checks tokens and hands out none.`,
      `audiense in ${path} has no effect; did you mean audience?`,
    ]);
  });

  it('is not looked for unless a command serves HTTP', async () => {
    const { origins, warnings } = await load({});
    expect([origins.size, warnings]).toEqual([0, []]);
  });
});

describe('values written as text', () => {
  it('reads lists, maps, numbers and booleans', async () => {
    const { config } = await load({
      environment: {
        CNPG_MCP_NAMESPACES: 'a, b,,c',
        CNPG_MCP_POSTGRES_IMAGES: '17=registry.example:5000/pg:17,16.4=pg@sha256:aa=',
        CNPG_MCP_MAX_INSTANCES: '5',
        CNPG_MCP_READ_ONLY: 'Yes',
        CNPG_MCP_NO_DESTROY: '0',
      },
    });
    expect(config).toMatchObject({
      namespaces: ['a', 'b', 'c'],
      postgres: { images: { 17: 'registry.example:5000/pg:17', '16.4': 'pg@sha256:aa=' } },
      maxInstances: 5,
      readOnly: true,
      noDestroy: false,
    });
    const rules = [{ group: 'dba', effect: 'change', namespaces: ['shop'] }];
    const loaded = await load(flags({ 'auth-rules': JSON.stringify(rules) }));
    expect(loaded.config.auth.rules).toEqual(rules);
  });

  it.each([
    ['port', '99999', 'port (flag --port): '],
    ['port', '12abc', 'port (flag --port): expected number'],
    ['read-only', 'perhaps', 'readOnly (flag --read-only): expected boolean'],
    ['toolsets', 'clusters,rolls', 'toolsets at 1 (flag --toolsets): expected one of "clusters"'],
    ['confirmation', 'none', 'confirmation (flag --confirmation): expected one of "token"|"argument"'],
    ['postgres-images', 'latest=pg', 'postgres.images at latest (flag --postgres-images): '],
    ['postgres-images', '17', 'postgres.images (flag --postgres-images): must be KEY=VALUE'],
    [
      'postgres-default-version',
      '9',
      'postgres.defaultVersion (flag --postgres-default-version): "9" is not',
    ],
    ['postgres-default-version', '12', '13 or newer'],
    ['namespaces', 'a,A_b', 'namespaces at 1 (flag --namespaces): must be a namespace name'],
    ['namespaces', '', 'must have at least one entry; leave the setting out for all'],
    ['toolsets', '', 'must have at least one entry; leave the setting out for all'],
    ['namespace', '../x', 'namespace (flag --namespace): must be a namespace name'],
    ['auth-rules', 'group=dba', 'auth.rules (flag --auth-rules): expected array'],
    ['auth-rules', '[{"effect":"read"}]', 'must name a scope, a group, a role or a token'],
    ['auth-rules', '[{"token":"ci","group":"dba","effect":"read"}]', 'a token has no scope, group or role'],
    [
      'trust-proxy',
      '10.0.0.0/8,proxy',
      'trustProxy at 1 (flag --trust-proxy): must be an address or a range',
    ],
    ['trust-proxy', '10.0.0.0/33', 'must be an address or a range'],
    ['public-url', 'mcp.example.com', 'publicUrl (flag --public-url): must be a URL'],
    ['allowed-hosts', 'https://mcp.example.com', 'must be a host name, or name:port'],
    ['allowed-origins', 'inspector.example.com', 'must be an origin such as https://'],
    ['allowed-origins', 'https://inspector.example.com/page', 'without a path'],
    ['auth-issuer', 'idp.example.com', 'must be a URL'],
    [
      'auth-issuer',
      'https://somebody:hunter2@idp.example.com',
      'auth.issuer (flag --auth-issuer): must not hold a user or a password',
    ],
    [
      'auth-jwks-uri',
      'https://somebody@idp.example.com/keys',
      'auth.jwksUri (flag --auth-jwks-uri): must not hold a user or a password',
    ],
    ['public-url', 'https://u:p@mcp.example.com/mcp?x', 'without user, query and fragment'],
  ])('refuses --%s=%s and says what was expected', async (flag, text, message) => {
    await expect(load(flags({ [flag]: text }))).rejects.toThrow(message);
  });
});

it('accepts hosts and origins of every kind that a request can carry', async () => {
  const hosts = ['mcp.example.com', 'MCP', '10.0.0.1:8080', '[fd00::1]', '[::1]:3000', 'a_b.example.com.'];
  const origins = ['https://app.example.com:8443', 'http://[::1]:6274/', 'vscode-webview://0a1b'];
  const { config } = await load(flags({ 'allowed-hosts': hosts.join(), 'allowed-origins': origins.join() }));
  expect([config.allowedHosts, config.allowedOrigins]).toEqual([hosts, origins]);
});

it('accepts a default version that the site has an image of, whatever the version', async () => {
  const { config } = await load(
    flags({ 'postgres-default-version': '12', 'postgres-images': '12=registry.example/pg:12' }),
  );
  expect(config.postgres.defaultVersion).toBe('12');
});

describe('what is wrong', () => {
  it('names the closest key for one that does not exist, at every level of the file', async () => {
    const path = await file('readonly: true\npostgres:\n  defaultVerson: "17"\n');
    const failing = load({ file: path });
    await expect(failing).rejects.toThrow(
      `readonly (file ${path}): there is no such setting; did you mean readOnly?`,
    );
    await expect(failing).rejects.toThrow('did you mean postgres.defaultVersion?');
  });

  it('never quotes what stands where a key belongs when it could be a secret', async () => {
    const secret = 'mK3x9v'.repeat(6);
    const problem = (text: string): Promise<string> =>
      file(text)
        .then((path) => load({ file: path }))
        .then(String, (thrown: Error) => thrown.message);
    for (const text of [
      `${secret}: 1`,
      `postgres: {${secret}: 1}`,
      `postgres: {images: {${secret}: a}}`,
      `auth: {rules: [{group: a, effect: read, ${secret}: 1}]}`,
    ]) {
      const message = await problem(text);
      expect(message).toContain('The configuration is wrong');
      expect(message).toContain('a key that is no name, so not shown');
      expect(message).not.toContain(secret);
    }
    expect(await problem('auth: {rules: [{group: a, effect: read, namespace: b}]}')).toContain(
      'there is no such key: namespace',
    );
  });

  it.each(['shop/orders', 'Prod-*', '-prod', 'prod-', '1prod', 'a.b', 'prod?', ' prod', '', 'a'.repeat(51)])(
    'refuses %j for protectedClusters, because no cluster can be called so',
    async (pattern) => {
      const path = await file(`protectedClusters: [fine, ${JSON.stringify(pattern)}]`);
      await expect(load({ file: path })).rejects.toThrow(
        /protectedClusters at 1 \(file .*\): must (be a name or pattern that a cluster name can fit|hold at most 50)/,
      );
    },
  );

  it.each(['prod-*', '*', '*-prod', 'a*b*c', 'orders', 'p-1', `*${'a'.repeat(50)}*`])(
    'takes %j for protectedClusters',
    async (pattern) => {
      const { config } = await load({ file: await file(`protectedClusters: [${JSON.stringify(pattern)}]`) });
      expect(config.protectedClusters).toEqual([pattern]);
    },
  );

  it('refuses a level of the file that holds a value', async () => {
    await expect(load({ file: await file('postgres: 17') })).rejects.toThrow('holds settings of its own');
  });

  it('names the closest variable for one that is spelt wrong', async () => {
    const environment = { CNPG_MCP_READONLY: 'true' };
    await expect(load({ environment })).rejects.toThrow('did you mean CNPG_MCP_READ_ONLY?');
  });

  it('says everything that is wrong at once', async () => {
    const failing = load({ environment: { CNPG_MCP_PORT: 'x', CNPG_MCP_MAX_INSTANCES: '0' } });
    await expect(failing).rejects.toThrow(/port.*maxInstances/s);
  });

  it('refuses a file that is missing, no YAML, or a list, without quoting it', async () => {
    await expect(load({ file: join(folder, 'nowhere.yaml') })).rejects.toThrow('cannot be read: ENOENT');
    await expect(load({ file: await file('- port') })).rejects.toThrow('must hold settings as key: value');
    const secret = 'key-that-nobody-may-see';
    const failing = load({ file: await file(`confirmationKey: "${secret}\nport: [`) });
    await expect(failing).rejects.toThrow(/is not YAML at line \d/);
    await expect(failing).rejects.not.toThrow(secret);
  });

  it('refuses two keys for confirmations, and one that is too short, without showing it', async () => {
    const key = 'k'.repeat(32);
    const two = load({
      environment: { CNPG_MCP_CONFIRMATION_KEY: key },
      ...flags({ 'confirmation-key-file': '/x' }),
    });
    await expect(two).rejects.toThrow('exclude each other');
    const short = load({ environment: { CNPG_MCP_CONFIRMATION_KEY: 'short-one' } });
    await expect(short).rejects.toThrow('at least 32 characters');
    await expect(short).rejects.not.toThrow('short-one');
  });
});

describe('the settings', () => {
  it('each have a description, a section, a variable of their own, and a flag unless they are secret', () => {
    const variables = settings.flatMap(({ environment }) => environment);
    expect(new Set(variables).size).toBe(variables.length);
    for (const { description, environment, flag, secret } of settings) {
      expect(description).toMatch(/^\S.*\.$/s);
      expect(environment[0]).toMatch(/^CNPG_MCP_[A-Z_]+$/);
      expect(flag === undefined).toBe(secret === true);
    }
  });

  it('are shown with their origin, secrets masked', async () => {
    const loaded = await load({ environment: { CNPG_MCP_CONFIRMATION_KEY: 'k'.repeat(40), PORT: '1' } });
    const shown = effectiveSettings(loaded);
    expect(shown).toContainEqual({ key: 'port', value: 1, origin: 'environment PORT' });
    expect(shown).toContainEqual({ key: 'host', value: '127.0.0.1', origin: 'default' });
    expect(shown).toContainEqual({
      key: 'confirmationKey',
      value: '******',
      origin: 'environment CNPG_MCP_CONFIRMATION_KEY',
    });
    expect(JSON.stringify(shown)).not.toContain('kkk');
  });
});
