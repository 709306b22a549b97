/** The chart as it is rendered: by both majors of Helm, checked by the API server, for every kind of installation. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../rbac-bootstrap/src/program.ts';
import { assertMayListen } from '../../server/src/config/checks.ts';
import { loadConfig } from '../../server/src/config/load.ts';
import { assertSignIn } from '../../server/src/config/sign-in.ts';
import { rightUsers, ruleTable } from '../../server/src/permissions.ts';
import type { AddOn } from '../../server/src/tools/permission.ts';
import { addOns, includesPreset, presetOf, presets } from '../../server/src/tools/preset.ts';
import { installCustomKinds } from '../chart/custom-kinds.ts';
import { defaults, leafPaths, type Tree, valueFiles } from '../chart/files.ts';
import { documentsOf, type Helm, helms, type Manifest, manifests, template } from '../chart/helm.ts';
import { deleteNamespace, kubectl, makeNamespace } from './support/kubernetes.ts';

const run = promisify(execFile);
const cluster = inject('cluster');
const named = valueFiles.map((file): [string, string] => [basename(file, '-values.yaml'), file]);

let helm4: Helm;
let both: Helm[];
let folder: string;
beforeAll(async () => {
  both = await helms(cluster);
  helm4 = both[0] as Helm;
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-chart-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Random values differ from one rendering to the next, and only they. */
function withoutSecrets(objects: Manifest[]): Manifest[] {
  return objects.map((object) => (object.kind === 'Secret' ? { ...object, stringData: undefined } : object));
}

async function valuesFile(values: object): Promise<string> {
  const path = join(folder, `${Math.random()}.yaml`);
  // JSON: what YAML 1.2 writes without quotes, the YAML 1.1 of kubectl may read as a boolean.
  // YAML takes some characters as escapes only that JSON takes as they are.
  const escaped = JSON.stringify(values).replace(
    /[\x7f-\x9f]/g,
    (one) => `\\x${one.charCodeAt(0).toString(16)}`,
  );
  await writeFile(path, escaped);
  return path;
}

describe('for both majors of Helm', () => {
  it('are there: Helm 4, and Helm 3', async () => {
    const versions = await Promise.all(both.map((helm) => helm.run('version', '--template', '{{.Version}}')));
    expect(versions.map((text) => /^v(\d)/.exec(text)?.[1])).toEqual(['4', '3']);
  });

  it.each(named)('%s is rendered to the same objects', async (_, file) => {
    const texts = await Promise.all(both.map((helm) => template(helm, 'shop', '-f', file)));
    const [first, second] = texts.map((text) => withoutSecrets(manifests(text)));
    expect(first).toEqual(second);
    expect(first?.length).toBeGreaterThan(0);
  });

  it('the chart has no fault that helm lint knows', async () => {
    for (const helm of both)
      expect(await helm.run('lint', '--strict', 'chart')).toContain('0 chart(s) failed');
  });
});

describe('the API server', () => {
  let namespace: string;
  let removeKinds: () => Promise<void>;
  beforeAll(async () => {
    removeKinds = await installCustomKinds();
    namespace = await makeNamespace('t-chart');
    // What a restricted namespace would refuse must be refused here too.
    const level = 'pod-security.kubernetes.io/enforce=restricted';
    await kubectl('label', 'namespace', namespace, level);
  });
  afterAll(async () => {
    await deleteNamespace(namespace);
    await removeKinds();
  });

  it.each(named)('takes %s, field by field, and its pods in a restricted namespace', async (_, file) => {
    const objects = manifests(await template(helm4, namespace, '-f', file)).map((object) => {
      // The other namespaces of the values do not exist here.
      if (object.metadata.namespace) object.metadata.namespace = namespace;
      return object;
    });
    const pods = objects
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ spec, metadata }) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...spec.template.metadata, name: `${metadata.name}-pod`, namespace },
        // The account is not really made, and a pod without it would be refused for that alone.
        spec: { ...spec.template.spec, serviceAccountName: 'default' },
      }));
    const tests = objects.filter(({ kind }) => kind === 'Pod');
    for (const { spec } of tests) spec.serviceAccountName = 'default';
    const path = await valuesFile({ apiVersion: 'v1', kind: 'List', items: [...objects, ...pods] });
    const text = await kubectl(
      ...['apply', '--server-side', '--dry-run=server', '--validate=strict', '-n', namespace, '-f', path],
    );
    expect(text.split('\n').filter((line) => line.includes('serverside-applied'))).toHaveLength(
      objects.length + pods.length,
    );
  });
});

/** Values that need not show: what else they depend on is said beside each. */
const idleByNature: readonly string[] = [
  // Beside a digest, the tag is a remark.
  'image.tag',
  // Where no cluster is asked, `create` is what `auto` comes to.
  'rbac.cnpgRoles',
  // Add-ons that no tool needs yet.
  ...Object.entries(ruleTable().addOns)
    .filter(([, perPreset]) => perPreset.edit.length === 0)
    .map(([name]) => `rbac.addOns.${name}`),
];

describe('a value', () => {
  const at = (tree: Tree, path: readonly string[]): unknown =>
    path.reduce<unknown>((level, key) => (level as Tree | undefined)?.[key], tree);

  it.each(named)('that %s sets to something of its own changes what is rendered', async (_, file) => {
    const values = (parse(await readFile(file, 'utf8')) ?? {}) as Tree;
    const render = async (from: string): Promise<string> =>
      JSON.stringify(withoutSecrets(manifests(await template(helm4, 'tools', '-f', from))));
    const whole = await render(file);
    const idle: string[] = [];
    for (const path of leafPaths(values)) {
      if (JSON.stringify(at(values, path)) === JSON.stringify(at(defaults, path))) continue;
      const left = structuredClone(values);
      delete (at(left, path.slice(0, -1)) as Tree)[path.at(-1) as string];
      // An acknowledgement that is missing is refused: that is what it does.
      const text = await render(await valuesFile(left)).catch(() => 'refused');
      if (text === whole) idle.push(path.join('.'));
    }
    expect(idle.filter((path) => !idleByNature.includes(path))).toEqual([]);
  });
});

describe('the configuration in the ConfigMap', () => {
  it.each(named)('of %s is accepted by the server', async (_, file) => {
    const objects = manifests(await template(helm4, 'shop', '-f', file));
    const map = objects.find(({ kind, data }) => kind === 'ConfigMap' && data['config.yaml']);
    const path = join(folder, `${Math.random()}.yaml`);
    await writeFile(path, map.data['config.yaml']);
    const { config } = await loadConfig({ environment: {}, file: path });
    expect(config).toMatchObject({ transport: 'http', host: '0.0.0.0', port: 3000, managementPort: 9464 });
    const { containers } = objects.find(({ kind }) => kind === 'Deployment').spec.template.spec;
    expect(containers[0].ports.map(({ containerPort }: Manifest) => containerPort)).toEqual([3000, 9464]);
    expect(() => assertMayListen(config)).not.toThrow();
    expect(() => assertSignIn(config)).not.toThrow();
  });

  const configOf = async (values: object): Promise<Tree> => {
    const objects = manifests(await template(helm4, 'tools', '-f', await valuesFile(values)));
    return parse(objects.find(({ kind }) => kind === 'ConfigMap').data['config.yaml']) as Tree;
  };

  it('follows the rights: only those namespaces, only tools that look with view, a default that may be read', async () => {
    expect(await configOf({})).toMatchObject({ readOnly: true, namespaces: ['tools'] });
    const elsewhere = await configOf({ rbac: { preset: 'edit', namespaces: ['shop', 'billing'] } });
    expect(elsewhere).toMatchObject({ namespaces: ['shop', 'billing'], namespace: 'shop' });
    expect(elsewhere).not.toHaveProperty('readOnly');
    expect(await configOf({ rbac: { create: false } })).toMatchObject({ readOnly: true });
    const everywhere = await configOf({ rbac: { clusterWide: true } });
    expect(everywhere).not.toHaveProperty('namespaces');
    expect(everywhere).not.toHaveProperty('namespace');
  });

  it.each([
    { rbac: { namespaces: ['shop', 'billing'] } },
    { rbac: { clusterWide: true } },
    { rbac: { create: false } },
  ])('has its default among the namespaces that it is limited to, with %j', async (values) => {
    const limited = { ...values, config: { namespaces: ['billing', 'x'] } };
    expect(await configOf(limited)).toMatchObject({ namespaces: ['billing', 'x'], namespace: 'billing' });
    const own = { ...values, config: { namespaces: ['billing', 'tools'] } };
    expect(await configOf(own)).not.toHaveProperty('namespace');
  });

  it('is overruled by what is set on purpose, and knows the names that clients use', async () => {
    const config = await configOf({
      config: { readOnly: false, namespaces: ['x'], allowedHosts: ['a.example'] },
      ingress: { enabled: true, hosts: ['mcp.example.com', '*.example.com'] },
    });
    expect(config.allowedHosts).not.toContain('*.example.com');
    expect(config).toMatchObject({ readOnly: false, namespaces: ['x'] });
    expect(config.allowedHosts).toEqual(
      expect.arrayContaining(['a.example', 'mcp.example.com', 'localhost', 'cnpg-mcp.tools.svc']),
    );
  });

  it('replaces the pods when it or what the token allows changes, and not otherwise', async () => {
    const sum = async (...args: string[]): Promise<string> => {
      const objects = manifests(await template(helm4, 'tools', ...args));
      const deployment = objects.find(({ kind }) => kind === 'Deployment');
      return deployment.spec.template.metadata.annotations['checksum/config'];
    };
    expect(await sum()).toBe(await sum('--set', 'replicas=3'));
    expect(await sum()).not.toBe(await sum('--set', 'config.noDestroy=true'));
    const [operate, edit] = ['rbac.preset=operate', 'rbac.preset=edit'];
    expect(await sum('--set', operate)).not.toBe(await sum('--set', edit));
    // Tokens of one's own do not follow the preset.
    const own = 'auth.existingSecret=tokens';
    expect(await sum('--set', own, '--set', operate)).toBe(await sum('--set', own, '--set', edit));
  });

  it('leaves the pod time for what it was told: delay, grace, and a little', async () => {
    const seconds = async (...args: string[]): Promise<number> =>
      manifests(await template(helm4, 'tools', ...args)).find(({ kind }) => kind === 'Deployment').spec
        .template.spec.terminationGracePeriodSeconds;
    expect(await seconds()).toBe(30);
    expect(
      await seconds('--set', 'config.shutdownGraceSeconds=60', '--set', 'config.shutdownDelaySeconds=0'),
    ).toBe(65);
  });
});

/** `list pods.` for every right of some rules. */
function rightsOf(objects: Manifest[]): string[] {
  const rights = objects
    .filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole')
    .flatMap(({ rules }) => rules)
    .flatMap(({ apiGroups, resources, verbs }: Manifest) =>
      resources.flatMap((resource: string) =>
        verbs.map((verb: string) => `${verb} ${resource}.${apiGroups}`),
      ),
    );
  return [...new Set<string>(rights)].sort();
}

describe('the rules', () => {
  const names = Object.keys(addOns) as AddOn[];
  const cases = presets.flatMap((preset) =>
    [[], ...names.map((name) => [name]), names].map((chosen) => ({ preset, chosen })),
  );

  it.each(cases)(
    'for $preset with $chosen cover exactly the tools that are enabled',
    async ({ preset, chosen }) => {
      const switches = Object.fromEntries(chosen.map((name) => [name, name === 'secrets' ? ['a'] : true]));
      if (switches.secrets && preset !== 'edit') delete switches.secrets;
      const file = await valuesFile({ rbac: { preset, addOns: switches } });
      const objects = manifests(await template(helm4, 'tools', '-f', file));
      const declared = rightUsers
        .filter(({ effect }) => includesPreset(preset, presetOf(effect)))
        .flatMap(({ permissions }) => permissions)
        .filter(({ addOn }) => addOn === undefined || addOn in switches)
        .flatMap(({ verbs, resource, subresource, group }) =>
          verbs.map((verb) => `${verb} ${resource}${subresource ? `/${subresource}` : ''}.${group}`),
        );
      expect(rightsOf(objects)).toEqual([...new Set(declared)].sort());
      expect(rightsOf(objects).join(' ')).not.toMatch(/impersonate|escalate|bind |\*/);
    },
  );

  it('are not made at all with rbac.create: false', async () => {
    const objects = manifests(await template(helm4, 'tools', '--set', 'rbac.create=false'));
    expect(objects.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
  });

  /** Fails unless cnpg-mcp-rbac prints for a file of values what Helm does. */
  async function expectSameBytes(file: string): Promise<void> {
    let generated = '';
    const status = await runProgram(['generate', '--namespace', 'shop', '--from-values', file], {
      out: (text) => {
        generated += text;
      },
      error: (text) => expect(text).toBe(''),
    });
    expect(status).toBe(0);
    const [four = [], three = []] = await Promise.all(
      both.map(async (helm) =>
        documentsOf(await template(helm, 'shop', '-f', file), 'serviceaccount.yaml', 'rbac.yaml'),
      ),
    );
    expect(generated).toBe(three.join(''));
    // Helm 4 puts empty lines after each document.
    expect(generated).toBe(four.map((document) => document.replace(/\n+$/, '\n')).join(''));
  }

  it.each(named)('of %s are what cnpg-mcp-rbac generates, to the byte', async (_, file) => {
    await expectSameBytes(file);
  });

  it('are the same bytes whatever stands in annotations and names of users', async () => {
    const annotations = { '😀': '1', '～': '2', b: 'x\u2028y\u00a0z\u0001\u007f\t"\\' };
    const users = ['CN=ada,OU=dba', 'a\u2028b', 'é😀', '\ufeff', '\u0085', '\u{e0001}'];
    await expectSameBytes(
      await valuesFile({ serviceAccount: { annotations }, rbac: { impersonation: { users } } }),
    );
  });
});

describe('names and texts', () => {
  it('are valid and texts, whatever they look like', async () => {
    const file = await valuesFile({
      metrics: { prometheusRule: { enabled: true, labels: { a: '1e3', b: 'true' } } },
      podLabels: { c: 'null', d: '0x1' },
      extraEnv: [{ name: 'E', value: 'yes' }],
    });
    for (const helm of both) {
      const objects = manifests(await helm.run('template', 'my.rel', 'chart', '-f', file));
      for (const { metadata } of objects) expect(metadata.name).toMatch(/^my-rel-cnpg-mcp(-[a-z]+)*$/);
      const strings = (level: unknown, key = ''): void => {
        if (typeof level === 'object' && level !== null) {
          for (const [name, value] of Object.entries(level)) strings(value, name);
        } else if (['a', 'b', 'c', 'd', 'value', 'checksum/config', 'name'].includes(key)) {
          expect({ key, type: typeof level }).toEqual({ key, type: 'string' });
        }
      };
      strings(objects);
    }
  });

  it('end in no hyphen where they are cut', async () => {
    const file = await valuesFile({ fullnameOverride: `${'a'.repeat(50)}--b` });
    const objects = manifests(await template(helm4, 'shop', '-f', file));
    const found = objects.map(({ metadata }): string => metadata.name);
    expect(found).toContain(`${'a'.repeat(50)}-management`);
    expect(found.filter((name) => name.includes('---'))).toEqual([]);
  });

  it('leave out the chart’s own NODE_OPTIONS where others are given', async () => {
    const options = { name: 'NODE_OPTIONS', value: '--use-openssl-ca' };
    const file = await valuesFile({ extraEnv: [options] });
    const objects = manifests(await template(helm4, 'shop', '-f', file));
    const { containers } = objects.find(({ kind }) => kind === 'Deployment').spec.template.spec;
    expect(containers[0].env.filter(({ name }: { name: string }) => name === 'NODE_OPTIONS')).toEqual([
      options,
    ]);
  });
});

describe('the notes', () => {
  it('end in a command that reads the token, or say that nobody signs in, and name the Secrets that pods wait for', async () => {
    const notes = async (...args: string[]): Promise<string> =>
      helm4.run('install', 'x', 'chart', '--dry-run=client', '--namespace', 'tools', ...args);
    expect((await notes()).trimEnd()).toMatch(
      /kubectl get secret --namespace tools x-cnpg-mcp-auth -o jsonpath='\{\.data\.token\}' \| base64 -d$/,
    );
    expect(await notes('--set', 'auth.mode=none,auth.acknowledgeAnonymous=true')).toContain(
      'NOBODY HAS TO SIGN IN',
    );
    expect(await notes()).not.toContain('Secrets');
    expect(await notes('--set', 'auth.existingSecret=a,confirmation.existingSecret=b')).toContain(
      'Its pods wait until these Secrets are in this namespace: a, b.',
    );
  });
});

describe('the package', () => {
  it('holds the chart and no tests', async () => {
    await helm4.run('package', 'chart', '--destination', folder);
    const { version } = parse(await readFile('chart/Chart.yaml', 'utf8'));
    const { stdout } = await run('tar', ['tzf', join(folder, `cnpg-mcp-${version}.tgz`)]);
    expect(stdout).toContain('cnpg-mcp/values.schema.json');
    expect(stdout).toContain('cnpg-mcp/files/rules.yaml');
    expect(stdout).not.toContain('/ci/');
  });
});
