import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { valueFlags } from './flag-table.ts';
import { parseCommandLine } from './flags.ts';
import { runProgram } from './program.ts';
import { defaultValues } from './values.ts';
import { version } from './version.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-rbac-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ status: number; out: string; error: string }> {
  let [out, error] = ['', ''];
  const status = await runProgram(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out, error };
}

const kubeconfigFor = (server: string): string =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });

const leaves = (value: unknown, path = ''): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`))
    : [path];

describe('the command line', () => {
  it('has a flag for every value, but for annotations, which only a file can give', () => {
    const flagged = new Set(Object.values(valueFlags).map(({ value }) => value));
    expect(leaves(defaultValues).filter((path) => !flagged.has(path))).toEqual([]);
  });

  it('prints YAML when nothing else is said, without asking a cluster', async () => {
    vi.stubEnv('KUBECONFIG', '/nowhere');
    const { status, out } = await run('--namespace=tools', '--preset', 'edit');
    vi.unstubAllEnvs();
    expect(status).toBe(0);
    expect(out).toMatch(/^---\n# Source: cnpg-mcp\/templates\/serviceaccount\.yaml\n/);
    expect(out).toContain('name: "cnpg-mcp-edit"');
  });

  it('takes the flags of the reference system', () => {
    const { values, dryRun, command } = parseCommandLine([
      ...['--namespace', 'tools', '--service-account', 'bot', '--role', 'edit', '--dry-run'],
      '--delete',
    ]);
    expect(values.serviceAccount.name).toBe('bot');
    expect(values.rbac.preset).toBe('edit');
    expect({ dryRun, command }).toEqual({ dryRun: 'client', command: 'revoke' });
  });

  it('puts flags over files, later files over earlier ones, and leaves other values of the chart alone', async () => {
    const [first, second] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')];
    await writeFile(
      first,
      'replicas: 3\nrbac:\n  preset: operate\n  namespaces: [a]\n  addOns: {events: true}\n',
    );
    await writeFile(second, 'rbac:\n  namespaces: [b, c]\n');
    const { values } = parseCommandLine(['--from-values', first, '--from-values', second, '--no-events']);
    expect(values.rbac).toMatchObject({ preset: 'operate', namespaces: ['b', 'c'] });
    expect(values.rbac.addOns.events).toBe(false);
  });

  it.each([
    [['--delete'], 'revoke'],
    [['--delete=true'], 'revoke'],
    [['apply', '--delete'], 'revoke'],
    [['--delete=false'], 'generate'],
    [['--no-delete'], 'generate'],
    [['apply', '--delete=false'], 'apply'],
    [['apply', '--delete', '--no-delete'], 'apply'],
  ])('goes by the value of a switch: %j is %s', (args, command) => {
    expect(parseCommandLine(args).command).toBe(command);
  });

  it('overwrites and helps only when that is not switched off', () => {
    expect(parseCommandLine(['--overwrite=false', '--no-help'])).toMatchObject({
      overwrite: false,
      help: false,
    });
    expect(parseCommandLine(['--overwrite', '--help'])).toMatchObject({ overwrite: true, help: true });
  });

  it('adds up a list that is given more than once, and keeps a comma after a backslash', () => {
    const users = ['CN=ada\\,OU=dba,bob', 'back\\\\slash'].flatMap((text) => ['--impersonate-users', text]);
    expect(parseCommandLine(users).values.rbac.impersonation.users).toEqual([
      'CN=ada,OU=dba',
      'bob',
      'back\\slash',
    ]);
  });

  it.each([
    [['--presett', 'edit'], 'did you mean --preset?'],
    [['--preset', 'admin'], 'rbac.preset: must be one of view, operate, edit'],
    [['aply'], 'Unknown command aply; did you mean apply?'],
    [['apply', 'now'], 'Unexpected argument: now'],
    [['--cluster-wide=perhaps'], '--cluster-wide is true or false.'],
    [['--cluster-wide', '--preset', 'edit'], 'in every namespace'],
    [['--cluster-wide', '--namespaces', 'a'], 'exclude each other'],
    [['--secrets', 'a-secret'], 'with rbac.preset edit only'],
    [['--impersonate-groups', 'x'], 'needs rbac.impersonation.users'],
    [['--impersonate-users', 'system:admin'], 'is a part of Kubernetes'],
    [['--namespace', 'Nope'], 'is no name of a namespace'],
    [['--from-values', '/nowhere.yaml'], 'cannot be used: ENOENT'],
    [['--dry-run=maybe'], '--dry-run is client'],
    [['kubeconfig'], 'a token is never printed'],
    [['kubeconfig', '--output='], 'a token is never printed'],
    [['--from-values='], 'the name is empty'],
    [['kubeconfig', '--output', 'x', '--duration', '5m'], 'between 10m and 24h'],
    [['revoke', '--delete=false'], 'contradict each other'],
    [['verify', '--delete'], 'verify does not use --delete.'],
    [['kubeconfig', '--no-delete'], 'kubeconfig does not use --delete.'],
    [['--no-events=true'], '--no-events takes no value.'],
    [['generate', '--output', 'json', '--duration', '99x'], 'generate does not use --output, --duration.'],
    [['--kubeconfig', 'x'], 'generate does not use --kubeconfig.'],
    [['generate', '--dry-run=server'], 'generate asks no cluster'],
    [['explain', '--preset', 'edit'], 'explain does not use --preset.'],
    [['--release', 'Bad Name'], '"Bad Name" is no name of a release'],
    [['--release', ''], 'is no name of a release'],
    [['--release', 'a'.repeat(54)], 'is no name of a release'],
    [['--no-create-service-account'], 'The account that gets the rights must be named'],
    [['explain', 'nope'], 'There is no tool nope; this command knows list_postgres_clusters, '],
    [['explain', 'scale_postgres_clusters'], 'did you mean scale_postgres_cluster?'],
  ])('refuses %j with status 2 and says %s', async (args, message) => {
    const { status, out, error } = await run(...args);
    expect(error).toContain(message);
    expect({ status, out }).toEqual({ status: 2, out: '' });
  });

  it('ends with status 3 when there is no cluster', async () => {
    const { status, error } = await run('verify', '--kubeconfig', '/nowhere');
    expect(status).toBe(3);
    expect(error).toContain('/nowhere');
  });

  it.each([
    ['a page', '<html></html>'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
  ])('ends with status 3 and a sentence when %s answers in place of the API server', async (_, body) => {
    const server = createServer((_request, response) => response.end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const file = join(folder, 'other.kubeconfig');
    await writeFile(file, kubeconfigFor(`http://127.0.0.1:${port}`));
    try {
      const { status, error } = await run('apply', '--kubeconfig', file);
      expect(error).toMatch(/^cnpg-mcp-rbac: The API server sent an answer that is no.* Check that .*\n$/);
      expect(status).toBe(3);
    } finally {
      server.close();
    }
  });

  it('calls a defect a defect, in one sentence and without a trace', async () => {
    let error = '';
    const status = await runProgram(['generate'], {
      out: () => {
        throw new TypeError('x is not a function');
      },
      error: (text) => {
        error += text;
      },
    });
    expect(status).toBe(1);
    expect(error).toBe(
      'cnpg-mcp-rbac: This is a defect of cnpg-mcp-rbac; please report it with the command line. TypeError: x is not a function\n',
    );
  });

  it('explains a tool with every reason, the preset and the add-ons', async () => {
    const { out } = await run('explain', 'delete_postgres_role');
    expect(out).toContain('delete_postgres_role: preset edit\n');
    expect(out).toMatch(/get, delete secrets \(add-on secrets\): .*password/);
    expect((await run('explain')).out).toContain('list_postgres_clusters: preset view\n');
  });

  it('names its version', async () => {
    const { status, out } = await run('--version');
    expect({ status, out }).toEqual({
      status: 0,
      out: `cnpg-mcp-rbac ${version} (Node ${process.version})\n`,
    });
  });

  it('names every command, flag and exit status in its help', async () => {
    const { status, out } = await run('--help');
    expect(status).toBe(0);
    for (const flag of Object.keys(valueFlags)) expect(out).toContain(`--${flag}`);
    expect(out).toContain('Exit status: 0');
  });
});
