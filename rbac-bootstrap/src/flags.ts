/** The flags, one to one with the chart's values, and what they amount to together with files of values. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { closest } from '../../server/src/closest.ts';
import { usageFailure } from './exit-status.ts';
import type { Release } from './objects.ts';
import { contradictions, defaultValues, type Values, values as valuesSchema } from './values.ts';

interface Flag {
  /** Path of the value in values.yaml. */
  value: string;
  kind: 'text' | 'switch' | 'list';
}

/** Every flag that stands for a value of the chart. */
export const valueFlags: Readonly<Record<string, Flag>> = {
  'name-override': { value: 'nameOverride', kind: 'text' },
  'fullname-override': { value: 'fullnameOverride', kind: 'text' },
  'create-service-account': { value: 'serviceAccount.create', kind: 'switch' },
  'service-account': { value: 'serviceAccount.name', kind: 'text' },
  create: { value: 'rbac.create', kind: 'switch' },
  preset: { value: 'rbac.preset', kind: 'text' },
  // The word of the reference system.
  role: { value: 'rbac.preset', kind: 'text' },
  namespaces: { value: 'rbac.namespaces', kind: 'list' },
  'cluster-wide': { value: 'rbac.clusterWide', kind: 'switch' },
  'acknowledge-cluster-wide-writes': { value: 'rbac.acknowledgeClusterWideWrites', kind: 'switch' },
  'cnpg-roles': { value: 'rbac.cnpgRoles', kind: 'text' },
  'cnpg-view-role': { value: 'rbac.cnpgRoleNames.view', kind: 'text' },
  'cnpg-edit-role': { value: 'rbac.cnpgRoleNames.edit', kind: 'text' },
  secrets: { value: 'rbac.addOns.secrets', kind: 'list' },
  'pod-logs': { value: 'rbac.addOns.podLogs', kind: 'switch' },
  'pod-proxy': { value: 'rbac.addOns.podProxy', kind: 'switch' },
  events: { value: 'rbac.addOns.events', kind: 'switch' },
  storage: { value: 'rbac.addOns.storage', kind: 'switch' },
  nodes: { value: 'rbac.addOns.nodes', kind: 'switch' },
  'audit-events': { value: 'rbac.addOns.auditEvents', kind: 'switch' },
  'existing-cluster-roles': { value: 'rbac.existingClusterRoles', kind: 'list' },
  'impersonate-users': { value: 'rbac.impersonation.users', kind: 'list' },
  'impersonate-groups': { value: 'rbac.impersonation.groups', kind: 'list' },
};

/** Flags about the call itself. */
const ownFlags = {
  release: 'text',
  namespace: 'text',
  'from-values': 'text',
  kubeconfig: 'text',
  context: 'text',
  'dry-run': 'text',
  output: 'text',
  duration: 'text',
  overwrite: 'switch',
  delete: 'switch',
  help: 'switch',
} as const;

/** A command line, taken apart and checked. */
export interface Invocation {
  command: string;
  /** Arguments of the command. */
  rest: readonly string[];
  release: Release;
  values: Values;
  /** A kubeconfig file and one of its contexts; omitted: as kubectl chooses. */
  kubeconfig: string | undefined;
  context: string | undefined;
  dryRun: 'client' | 'server' | undefined;
  /** For `kubeconfig`: file and life of the token. */
  output: string | undefined;
  duration: string;
  overwrite: boolean;
  help: boolean;
}

/** Parses a command line. Throws a usage failure that says everything that is wrong with it. */
export function parseCommandLine(args: readonly string[]): Invocation {
  const known = [...Object.keys(valueFlags), ...Object.keys(ownFlags)];
  const isSwitch = (name: string): boolean =>
    valueFlags[name]?.kind === 'switch' || ownFlags[name as keyof typeof ownFlags] === 'switch';
  const { tokens } = parseArgs({
    // `--dry-run` alone is how the reference system writes it.
    args: args.map((arg) => (arg === '--dry-run' ? '--dry-run=client' : arg)),
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      known.map((name) => [name, { type: isSwitch(name) ? 'boolean' : 'string', multiple: true } as const]),
    ),
  });
  const positionals: string[] = [];
  const own = new Map<string, string>();
  const files: string[] = [];
  const changes: [string, unknown][] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const positive = token.rawName.replace(/^--no-/, '');
    const negated = positive !== token.rawName && isSwitch(positive);
    const name = negated ? positive : token.name;
    if (!known.includes(name)) throw unknownFlag(token.rawName, known);
    const flag = valueFlags[name];
    const text = token.value ?? (isSwitch(name) ? String(!negated) : undefined);
    if (text === undefined) throw usageFailure(`${token.rawName} needs a value: ${token.rawName}=VALUE.`);
    if (name === 'from-values') files.push(text);
    else if (flag) changes.push([flag.value, readFlag(token.rawName, flag, text)]);
    else own.set(name, text);
  }
  const dryRun = own.get('dry-run');
  if (dryRun !== undefined && dryRun !== 'client' && dryRun !== 'server')
    throw usageFailure('--dry-run is client (the default) or server.');
  const namespace = own.get('namespace') ?? 'default';
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    throw usageFailure(`--namespace: ${namespace} is no name of a namespace.`);
  const [command, ...rest] = positionals;
  return {
    // As the reference system does it: no word for it, only the flag.
    command: own.has('delete') ? 'revoke' : (command ?? 'generate'),
    rest,
    release: { name: own.get('release') ?? 'cnpg-mcp', namespace },
    values: effectiveValues(files, changes),
    kubeconfig: own.get('kubeconfig'),
    context: own.get('context'),
    dryRun,
    output: own.get('output'),
    duration: own.get('duration') ?? '1h',
    overwrite: own.has('overwrite'),
    help: own.has('help'),
  };
}

function readFlag(rawName: string, { kind }: Flag, text: string): unknown {
  if (kind === 'list') return text.split(',').filter((part) => part !== '');
  if (kind === 'text') return text;
  if (text !== 'true' && text !== 'false') throw usageFailure(`${rawName} is true or false.`);
  return text === 'true';
}

function unknownFlag(rawName: string, known: readonly string[]): Error {
  const meant = closest(rawName.replace(/^--?/, ''), known);
  return usageFailure(`Unknown flag ${rawName}${meant ? `; did you mean --${meant}?` : '.'}`);
}

/** Defaults, then the files in their order, then the flags; as Helm does it. Keys of the chart that are not about rights are left. */
function effectiveValues(files: readonly string[], changes: readonly [string, unknown][]): Values {
  let merged: Tree = structuredClone(defaultValues) as unknown as Tree;
  for (const file of files) {
    const content = readValues(file);
    const ours = Object.entries(content).filter(([key]) => key in defaultValues);
    merged = merge(merged, Object.fromEntries(ours));
  }
  for (const [path, value] of changes) {
    const nested = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    merged = merge(merged, nested as Tree);
  }
  const parsed = valuesSchema.safeParse(merged);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      ({ path, message }) => `  ${path.map(String).join('.')}: ${message}`,
    );
    throw usageFailure(`The values are wrong.\n${lines.join('\n')}`);
  }
  const problems = contradictions(parsed.data);
  if (problems.length > 0) throw usageFailure(problems.join('\n'));
  return parsed.data;
}

type Tree = { [key: string]: unknown };
const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(base: Tree, over: Tree): Tree {
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    // A key without a value says nothing.
    if (value === null) continue;
    result[key] = isTree(below) && isTree(value) ? merge(below, value) : value;
  }
  return result;
}

function readValues(file: string): Tree {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8')) ?? {};
  } catch (thrown) {
    throw usageFailure(`--from-values: ${file} cannot be used: ${(thrown as Error).message}`);
  }
  if (!isTree(content)) throw usageFailure(`--from-values: ${file} must hold values as key: value.`);
  return content;
}
