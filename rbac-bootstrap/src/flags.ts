/** Takes a command line apart. */
import { parseArgs } from 'node:util';
import { closest } from '../../server/src/closest.ts';
import { usageFailure } from './exit-status.ts';
import { flags, valueFlags } from './flag-table.ts';
import type { Release } from './objects.ts';
import type { Values } from './values.ts';
import { effectiveValues } from './values-file.ts';

/** A command line, taken apart and checked. */
export interface Invocation {
  command: string;
  /** Arguments of the command. */
  rest: readonly string[];
  /** Names of the flags that were given, without dashes. */
  given: readonly string[];
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
  version: boolean;
}

/** Parses a command line. Throws a usage failure that says what is wrong with it. */
export function parseCommandLine(args: readonly string[]): Invocation {
  const { positionals, given } = readTokens(args);
  const last = (name: string): unknown => given.findLast((flag) => flag.name === name)?.value;
  const text = (name: string): string | undefined => last(name) as string | undefined;
  const files = given.filter(({ name }) => name === 'from-values').map(({ value }) => value as string);
  const [command, ...rest] = positionals;
  return {
    command: commandOf(command, last('delete') as boolean | undefined),
    rest,
    given: given.map(({ name }) => name),
    release: releaseOf(text('release') ?? 'cnpg-mcp', text('namespace') ?? 'default'),
    values: effectiveValues(files, valueChanges(given)),
    kubeconfig: text('kubeconfig'),
    context: text('context'),
    dryRun: dryRunOf(text('dry-run')),
    output: text('output'),
    duration: text('duration') ?? '1h',
    overwrite: last('overwrite') === true,
    help: last('help') === true,
    version: last('version') === true,
  };
}

interface GivenFlag {
  name: string;
  value: string | boolean | string[];
}

function readTokens(args: readonly string[]): { positionals: string[]; given: GivenFlag[] } {
  const isSwitch = (name: string): boolean => flagOf(name)?.kind === 'switch';
  const { tokens } = parseArgs({
    // `--dry-run` alone is how the reference system writes it.
    args: args.map((arg) => (arg === '--dry-run' ? '--dry-run=client' : arg)),
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.keys(flags).map((name) => [
        name,
        { type: isSwitch(name) ? 'boolean' : 'string', multiple: true } as const,
      ]),
    ),
  });
  const positionals: string[] = [];
  const given: GivenFlag[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const positive = token.rawName.replace(/^--no-/, '');
    const negated = positive !== token.rawName && isSwitch(positive);
    const name = negated ? positive : token.name;
    given.push({ name, value: readFlag(token.rawName, name, token.value, negated) });
  }
  return { positionals, given };
}

const flagOf = (name: string): (typeof flags)[string] | undefined =>
  Object.hasOwn(flags, name) ? flags[name] : undefined;

/** The value of one flag by its kind: every switch, every list and every text is read here and nowhere else. */
function readFlag(
  rawName: string,
  name: string,
  text: string | undefined,
  negated: boolean,
): GivenFlag['value'] {
  const flag = flagOf(name);
  if (!flag) {
    const meant = closest(rawName.replace(/^--?/, ''), Object.keys(flags));
    throw usageFailure(`Unknown flag ${rawName}${meant ? `; did you mean --${meant}?` : '.'}`);
  }
  if (flag.kind === 'switch') {
    if (negated && text !== undefined) throw usageFailure(`${rawName} takes no value.`);
    if (text !== undefined && text !== 'true' && text !== 'false')
      throw usageFailure(`${rawName} is true or false.`);
    return text === undefined ? !negated : text === 'true';
  }
  if (text === undefined) throw usageFailure(`${rawName} needs a value: ${rawName}=VALUE.`);
  return flag.kind === 'list' ? splitList(text) : text;
}

/** `a,b` is two items; as for Helm, a backslash keeps the character after it: `CN=ada\,OU=dba` is one. */
function splitList(text: string): string[] {
  const items = [...text.matchAll(/((?:\\.|[^,\\]|\\$)*)(?:,|$)/gsu)].map(([, item = '']) => item);
  return items.map((item) => item.replaceAll(/\\(.)/gsu, '$1')).filter((item) => item !== '');
}

/** What the flags set, by path. A list that is given more than once is the items of all; of anything else the last one counts. */
function valueChanges(given: readonly GivenFlag[]): ReadonlyMap<string, unknown> {
  const changes = new Map<string, unknown>();
  for (const { name, value } of given) {
    const path = Object.hasOwn(valueFlags, name) ? valueFlags[name]?.value : undefined;
    if (path === undefined) continue;
    const before = changes.get(path);
    changes.set(path, Array.isArray(value) && Array.isArray(before) ? [...before, ...value] : value);
  }
  return changes;
}

/** As the reference system does it, there need be no word for it: `--delete` is `revoke`. */
function commandOf(word: string | undefined, deletes: boolean | undefined): string {
  if (deletes === undefined) return word ?? 'generate';
  if (word !== undefined && word !== 'apply' && word !== 'revoke')
    throw usageFailure(`${word} does not use --delete.`);
  if (deletes) return 'revoke';
  if (word === 'revoke') throw usageFailure('revoke and --delete=false contradict each other.');
  return word ?? 'generate';
}

/** The rules for both names are Helm's own. */
function releaseOf(name: string, namespace: string): Release {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace))
    throw usageFailure(`--namespace: ${namespace} is no name of a namespace.`);
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (name.length > 53 || !new RegExp(`^${label}(\\.${label})*$`).test(name)) {
    throw usageFailure(
      `--release: ${JSON.stringify(name)} is no name of a release: at most 53 of a-z, 0-9, - and ., beginning and ending with a letter or a digit.`,
    );
  }
  return { name, namespace };
}

function dryRunOf(text: string | undefined): Invocation['dryRun'] {
  if (text === undefined || text === 'client' || text === 'server') return text;
  throw usageFailure('--dry-run is client (the default) or server.');
}
