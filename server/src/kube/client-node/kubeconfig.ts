/** Reads kubeconfig files the way kubectl does: several are merged, the first to name something wins. */
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse } from 'yaml';
import { closest } from '../../closest.ts';
import { ToolError } from '../../errors.ts';
import { isObject } from '../../is-object.ts';

type Fields = Record<string, unknown>;

/** One kubeconfig file; entries by their name. */
export interface Kubeconfig {
  clusters: Map<string, Fields>;
  users: Map<string, Fields>;
  contexts: Map<string, Fields>;
  currentContext: string | undefined;
}

/** The cluster, user and namespace that one context names. */
export interface SelectedContext {
  name: string;
  cluster: Fields;
  user: Fields;
  namespace: string | undefined;
}

/**
 * A `cluster_not_configured` error. `hint`: the way on, where there is a better one than naming some cluster. `cause` is left
 * out because a parser quotes what it read, credentials included.
 */
export function notConfigured(message: string, hint?: string): ToolError {
  return new ToolError('cluster_not_configured', message, hint === undefined ? {} : { hint });
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/**
 * Parses one kubeconfig. `source` names it in errors; relative paths in it are relative to `directory`.
 * Throws `cluster_not_configured` for anything that is no kubeconfig.
 */
export function parseKubeconfig(text: string, source: string, directory: string): Kubeconfig {
  let document: unknown;
  try {
    document = parse(text, { logLevel: 'error' });
  } catch {
    throw notConfigured(
      `${source} is not valid YAML.`,
      'Correct the file: kubectl --kubeconfig FILE config view names the line. Or name another one with --kubeconfig or KUBECONFIG.',
    );
  }
  if (!isObject(document)) {
    throw notConfigured(
      `${source} is not a kubeconfig.`,
      'Name a kubeconfig with --kubeconfig or KUBECONFIG: a YAML file with clusters, users and contexts.',
    );
  }
  const entries = (list: string, field: string): Map<string, Fields> => {
    const named = new Map<string, Fields>();
    for (const entry of Array.isArray(document[list]) ? document[list] : []) {
      const name = isObject(entry) ? textOf(entry.name) : undefined;
      const value = isObject(entry) && isObject(entry[field]) ? entry[field] : {};
      if (name !== undefined && !named.has(name)) named.set(name, absolutePaths(value, directory));
    }
    return named;
  };
  return {
    clusters: entries('clusters', 'cluster'),
    users: entries('users', 'user'),
    contexts: entries('contexts', 'context'),
    currentContext: textOf(document['current-context']),
  };
}

const pathFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function absolutePaths(entry: Fields, directory: string): Fields {
  const made = { ...entry };
  for (const field of pathFields) {
    const path = textOf(made[field]);
    if (path !== undefined && !isAbsolute(path)) made[field] = resolve(directory, path);
  }
  const exec = made.exec;
  if (isObject(exec)) {
    const command = textOf(exec.command);
    // As kubectl does: a command with a slash is a file beside the kubeconfig, one without is looked up in PATH.
    if (command?.includes('/') && !isAbsolute(command)) {
      made.exec = { ...exec, command: resolve(directory, command) };
    }
  }
  return made;
}

/** Directory to which relative paths in this kubeconfig file refer. */
export function directoryOf(file: string): string {
  return dirname(resolve(file));
}

/** Merges kubeconfigs like kubectl: of two entries with one name the first counts, and the first current context. */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const first = (pick: (file: Kubeconfig) => Map<string, Fields>): Map<string, Fields> =>
    new Map(files.toReversed().flatMap((file) => [...pick(file)]));
  return {
    clusters: first((file) => file.clusters),
    users: first((file) => file.users),
    contexts: first((file) => file.contexts),
    currentContext: files.find((file) => file.currentContext !== undefined)?.currentContext,
  };
}

const repairHint = 'Correct the context in that file, or choose another one with --context.';

/** Most contexts that a hint lists. */
const listedContexts = 20;

function contextHint({ contexts }: Kubeconfig, wanted?: string): string {
  const names = [...contexts.keys()];
  if (names.length === 0)
    return 'It has no contexts at all: name another file with --kubeconfig or KUBECONFIG.';
  const meant = wanted === undefined ? undefined : closest(wanted, names);
  const more = names.length > listedContexts ? ` and ${names.length - listedContexts} more` : '';
  const list = `${names.slice(0, listedContexts).join(', ')}${more}`;
  return `Choose one of its contexts with --context: ${list}.${meant ? ` Did you mean ${meant}?` : ''}`;
}

/** The context asked for, or else the current one. Throws `cluster_not_configured` when it leads nowhere. */
export function selectContext(
  kubeconfig: Kubeconfig,
  wanted: string | undefined,
  source: string,
): SelectedContext {
  const name = wanted ?? kubeconfig.currentContext;
  if (name === undefined) {
    throw notConfigured(`${source} has no current context.`, contextHint(kubeconfig));
  }
  const context = kubeconfig.contexts.get(name);
  if (!context) throw notConfigured(`${source} has no context "${name}".`, contextHint(kubeconfig, name));
  const clusterName = textOf(context.cluster) ?? '';
  const cluster = kubeconfig.clusters.get(clusterName);
  if (!cluster) {
    throw notConfigured(`Context "${name}" of ${source} names a cluster that is not there.`, repairHint);
  }
  const userName = textOf(context.user);
  const user = userName === undefined ? {} : kubeconfig.users.get(userName);
  if (!user)
    throw notConfigured(`Context "${name}" of ${source} names a user that is not there.`, repairHint);
  return { name, cluster, user, namespace: textOf(context.namespace) };
}
