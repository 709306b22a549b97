/** What `doctor` looks at in the cluster, in order. Nothing here changes anything. */
import { type ErrorCode, type ToolError, toToolError } from '../errors.ts';
import type { CallOptions, Capabilities, KubeGateway, KubeObject } from '../kube/gateway.ts';
import type { Tool } from '../tools/define-tool.ts';
import { type Check, type CheckId, check, compareVersions, type Result } from './doctor-check.ts';
import { Namespaces } from './doctor-namespaces.ts';
import { mayGrant, mayInstall, rightsOf } from './doctor-rights.ts';

export interface DoctorOptions {
  kube: KubeGateway;
  /** The tools that are offered. */
  tools: readonly Tool[];
  /** Namespaces to check; omitted: the default one. */
  namespaces?: readonly string[] | undefined;
  /** Look at what an installation needs, rather than at what a running server needs. */
  beforeInstalling: boolean;
  signal: AbortSignal;
}

const timeoutSeconds = 15;
/** The oldest operator that this server knows, and the oldest Kubernetes that the chart installs on. */
export const oldest = { operator: '1.28.0', kubernetes: '1.29.0' };

/** What the checks before have found out. */
interface Seen {
  capabilities: Capabilities;
  /** Who is told to lack a right. */
  who: string;
}

/** A check that is made once the API server has answered. What `look` throws is what failed. */
interface Planned {
  id: CheckId;
  subject?: string;
  look(seen: Seen): Result | Promise<Result>;
}

/** Runs all checks in order, up to one that the API server does not answer: the ones after it are then skipped, not waited for. */
export async function* checkCluster(options: DoctorOptions): AsyncGenerator<Check> {
  const { kube, signal } = options;
  const call = { signal, timeoutSeconds };
  const found = await attempt(() => kube.capabilities({ ...call, operatorVersion: true }));
  const { server, source } = kube.describe();
  const configured = server !== 'none';
  if (configured) yield check('cluster-configured', { status: 'ok', message: `${server}, from ${source}.` });
  const planned = [...plan(options, call)];
  if ('error' in found) {
    yield check(configured ? 'api-reachable' : 'cluster-configured', failed(found.error));
    if (!configured) yield check('api-reachable', notLookedAt);
    yield* skip(planned);
    return;
  }
  yield check('api-reachable', { status: 'ok', message: 'Answers.' });
  const seen: Seen = { capabilities: found.value, who: 'this identity' };
  for (const [index, { id, subject, look }] of planned.entries()) {
    const result = await attempt(async () => look(seen));
    if ('error' in result && unanswered.has(result.error.code)) {
      const during = subject === undefined ? id : `${id} ${subject}`;
      yield check('api-reachable', failed(result.error), `during ${during}`);
      yield* skip(planned.slice(index));
      return;
    }
    yield check(id, 'error' in result ? failed(result.error) : result.value, subject);
  }
}

/** What is not worth asking again for: the next question would wait as long, or is not wanted any more. */
const unanswered: ReadonlySet<ErrorCode> = new Set(['cluster_unreachable', 'timeout', 'cancelled']);

const notLookedAt: Result = { status: 'skipped', message: 'Needs what failed above.' };

/** One line for each kind of check, however often it would have been made. */
function* skip(planned: readonly Planned[]): Generator<Check> {
  for (const id of new Set(planned.map((one) => one.id))) yield check(id, notLookedAt);
}

async function attempt<T>(ask: () => Promise<T>): Promise<{ value: T } | { error: ToolError }> {
  try {
    return { value: await ask() };
  } catch (thrown) {
    return { error: toToolError(thrown) };
  }
}

function failed({ message, hint }: ToolError): Result {
  return { status: 'failed', message, remedy: hint };
}

/** The checks in their order. */
function* plan(
  { kube, tools, namespaces, beforeInstalling }: DoctorOptions,
  call: CallOptions,
): Generator<Planned> {
  yield { id: 'kubernetes-version', look: kubernetesVersion };
  yield { id: 'identity', look: (seen) => identity(kube, seen, call) };
  if (beforeInstalling) yield { id: 'storage-class', look: () => storageClass(kube, call) };
  yield { id: 'operator-installed', look: operatorInstalled };
  yield { id: 'operator-version', look: operatorVersion };
  const used = namespaces ?? [kube.defaultNamespace().name];
  // Without a list others can be named in calls, and `helm install` may make the one that it installs into.
  const bound = namespaces !== undefined && !beforeInstalling;
  const found = new Namespaces(kube, used, { bound, beforeInstalling }, call);
  for (const subject of used) {
    yield { id: 'namespace', subject, look: () => found.check(subject) };
    if (!beforeInstalling)
      yield {
        id: 'clusters-readable',
        subject,
        look: async () =>
          (await found.isMissing(subject))
            ? { status: 'skipped', message: 'There is no such namespace.' }
            : clustersReadable(kube, subject, call),
      };
  }
  for (const name of used) {
    if (beforeInstalling) {
      yield { id: 'may-install', subject: name, look: () => mayInstall(kube, name, call) };
      yield { id: 'may-grant', subject: name, look: () => mayGrant(kube, tools, name, call) };
      continue;
    }
    for (const tool of tools)
      yield {
        id: 'rights',
        subject: `${tool.name} in ${name}`,
        look: ({ who }) => rightsOf(kube, tool, name, who, call),
      };
  }
}

function kubernetesVersion({ capabilities }: Seen): Result {
  const { kubernetesVersion: version } = capabilities;
  return recentEnough(`Kubernetes ${version}.`, version, oldest.kubernetes);
}

async function identity(kube: KubeGateway, seen: Seen, call: CallOptions): Promise<Result> {
  const { username, groups } = await kube.whoAmI(call);
  seen.who = username;
  return { status: 'ok', message: `${username}${groups.length > 0 ? ` in ${groups.join(', ')}` : ''}.` };
}

function recentEnough(message: string, version: string, least: string): Result {
  if (compareVersions(version, least) >= 0) return { status: 'ok', message };
  return { status: 'warning', message, remedy: `Upgrade to ${least} or later; older ones are not tested.` };
}

function operatorInstalled({ capabilities: { cnpgKinds } }: Seen): Result {
  if (cnpgKinds.has('clusters'))
    return { status: 'ok', message: `Serves ${[...cnpgKinds].sort().join(', ')}.` };
  return {
    status: 'failed',
    message: 'The kinds of postgresql.cnpg.io are not served: the operator is not installed.',
    remedy: 'Install the CloudNativePG operator: https://cloudnative-pg.io/docs/.',
  };
}

function operatorVersion({ capabilities: { cnpgKinds, databaseRoles, ...found } }: Seen): Result {
  if (!cnpgKinds.has('clusters')) return notLookedAt;
  const { operatorVersion: version } = found;
  if (version === undefined) {
    // Its image names the version, and listing pods of all namespaces is more than the server needs for anything else.
    const known = databaseRoles
      ? 'It has DatabaseRole, so it is 1.30 or later.'
      : `${oldest.operator} or later is expected.`;
    return {
      status: 'skipped',
      message: `Not seen: these rights do not show the operator's pod, or its image has no version in its name. ${known}`,
    };
  }
  const message = `Operator ${version}${databaseRoles ? ', with DatabaseRole' : ''}.`;
  return recentEnough(message, version, oldest.operator);
}

/** Really asks: an access review says what rules allow, not that an answer comes. */
async function clustersReadable(kube: KubeGateway, name: string, call: CallOptions): Promise<Result> {
  const { items, remaining = 0 } = await kube.list('clusters', { namespace: name, limit: 1, ...call });
  const count = items.length + remaining;
  return { status: 'ok', message: count === 1 ? '1 PostgreSQL cluster.' : `${count} PostgreSQL clusters.` };
}

const isDefault = 'storageclass.kubernetes.io/is-default-class';

async function storageClass(kube: KubeGateway, call: CallOptions): Promise<Result> {
  const found = await attempt(() => kube.list<KubeObject>('storageclasses', call));
  if ('error' in found) {
    if (found.error.code !== 'forbidden') throw found.error;
    const remedy = 'Ask an administrator whether there is a default storage class.';
    return { status: 'skipped', message: found.error.message, remedy };
  }
  const chosen = found.value.items.find(({ metadata }) => metadata.annotations?.[isDefault] === 'true');
  if (chosen) return { status: 'ok', message: `${chosen.metadata.name} is the default.` };
  return {
    status: 'warning',
    message: 'No storage class is the default.',
    remedy: 'Name one with every new PostgreSQL cluster, or make one the default.',
  };
}
