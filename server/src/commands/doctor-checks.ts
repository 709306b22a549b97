/** What `doctor` looks at in the cluster, in order. Nothing here changes anything. */
import { toToolError } from '../errors.ts';
import type { CallOptions, Capabilities, KubeGateway, KubeObject } from '../kube/gateway.ts';
import type { Tool } from '../tools/define-tool.ts';
import { attempt, type Check, type CheckId, check, compareVersions, type Result } from './doctor-check.ts';
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
const oldest = { operator: '1.28.0', kubernetes: '1.29.0' };

/** Runs all checks in order. */
export async function* checkCluster(options: DoctorOptions): AsyncGenerator<Check> {
  const { kube, tools, namespaces, beforeInstalling, signal } = options;
  const call = { signal, timeoutSeconds };
  const found = await attempt(() => kube.capabilities({ ...call, operatorVersion: true }));
  const { server, source } = kube.describe();
  const configured = server !== 'none';
  if (configured) yield check('cluster-configured', { status: 'ok', message: `${server}, from ${source}.` });
  if ('failed' in found) {
    yield check(configured ? 'api-reachable' : 'cluster-configured', found.failed);
    const rest: CheckId[] = beforeInstalling ? ['may-install', 'may-grant'] : ['clusters-readable', 'rights'];
    for (const id of [
      ...(configured ? [] : (['api-reachable'] as const)),
      ...(['kubernetes-version', 'identity', 'operator-installed', 'namespace'] as const),
      ...rest,
    ])
      yield check(id, { status: 'skipped', message: 'Needs what failed above.' });
    return;
  }
  const { kubernetesVersion } = found.value;
  yield check('api-reachable', { status: 'ok', message: 'Answers.' });
  yield check(
    'kubernetes-version',
    recentEnough(`Kubernetes ${kubernetesVersion}.`, kubernetesVersion, oldest.kubernetes),
  );
  const identity = await attempt(() => kube.whoAmI(call));
  const who = 'failed' in identity ? 'this identity' : identity.value.username;
  yield check(
    'identity',
    'failed' in identity
      ? identity.failed
      : { status: 'ok', message: `${who}${groups(identity.value.groups)}.` },
  );
  if (beforeInstalling) yield check('storage-class', await storageClass(kube, call));
  yield* checkOperator(found.value);
  const used = namespaces ?? [kube.defaultNamespace().name];
  for (const name of used) {
    yield check('namespace', await namespace(kube, name, call), name);
    if (!beforeInstalling) yield check('clusters-readable', await clustersReadable(kube, name, call), name);
  }
  for (const name of used) {
    if (beforeInstalling) {
      yield check('may-install', await mayInstall(kube, name, call), name);
      yield check('may-grant', await mayGrant(kube, tools, name, call), name);
      continue;
    }
    for (const tool of tools)
      yield check('rights', await rightsOf(kube, tool, name, who, call), `${tool.name} in ${name}`);
  }
}

function groups(names: readonly string[]): string {
  return names.length > 0 ? ` in ${names.join(', ')}` : '';
}

function recentEnough(message: string, version: string, least: string): Result {
  if (compareVersions(version, least) >= 0) return { status: 'ok', message };
  return { status: 'warning', message, remedy: `Upgrade to ${least} or later; older ones are not tested.` };
}

function* checkOperator({ cnpgKinds, operatorVersion, databaseRoles }: Capabilities): Generator<Check> {
  if (!cnpgKinds.has('clusters')) {
    yield check('operator-installed', {
      status: 'failed',
      message: 'The kinds of postgresql.cnpg.io are not served: the operator is not installed.',
      remedy: 'Install the CloudNativePG operator: https://cloudnative-pg.io/docs/.',
    });
    yield check('operator-version', { status: 'skipped', message: 'Needs what failed above.' });
    return;
  }
  yield check('operator-installed', { status: 'ok', message: `Serves ${[...cnpgKinds].sort().join(', ')}.` });
  if (operatorVersion === undefined) {
    // Its image names the version, and listing pods of all namespaces is more than the server needs for anything else.
    const seen = databaseRoles
      ? 'It has DatabaseRole, so it is 1.30 or later.'
      : `${oldest.operator} or later is expected.`;
    yield check('operator-version', { status: 'skipped', message: `Not visible with these rights. ${seen}` });
    return;
  }
  const message = `Operator ${operatorVersion}${databaseRoles ? ', with DatabaseRole' : ''}.`;
  yield check('operator-version', recentEnough(message, operatorVersion, oldest.operator));
}

async function namespace(kube: KubeGateway, name: string, call: CallOptions): Promise<Result> {
  const byDefault = kube.defaultNamespace();
  const origin = byDefault.name === name ? ` Default of calls that name none (${byDefault.source}).` : '';
  try {
    await kube.get('namespaces', { name }, call);
    return { status: 'ok', message: `Exists.${origin}` };
  } catch (thrown) {
    const { code, message, hint } = toToolError(thrown);
    if (code === 'forbidden') {
      return {
        status: 'ok',
        message: `May not be looked up, which is only needed for better messages.${origin}`,
      };
    }
    if (code !== 'not_found') return { status: 'failed', message, remedy: hint };
    return {
      status: 'warning',
      message: `Does not exist.${origin}`,
      remedy: 'Create it, or set another namespace.',
    };
  }
}

/** Really asks: an access review says what rules allow, not that an answer comes. */
async function clustersReadable(kube: KubeGateway, name: string, call: CallOptions): Promise<Result> {
  const found = await attempt(() => kube.list('clusters', { namespace: name, limit: 1, ...call }));
  if ('failed' in found) return found.failed;
  const { items, remaining = 0 } = found.value;
  const count = items.length + remaining;
  return { status: 'ok', message: count === 1 ? '1 PostgreSQL cluster.' : `${count} PostgreSQL clusters.` };
}

const isDefault = 'storageclass.kubernetes.io/is-default-class';

async function storageClass(kube: KubeGateway, call: CallOptions): Promise<Result> {
  const found = await attempt(() => kube.list<KubeObject>('storageclasses', call));
  if ('failed' in found)
    return {
      ...found.failed,
      status: 'skipped',
      remedy: 'Ask an administrator whether there is a default storage class.',
    };
  const chosen = found.value.items.find(({ metadata }) => metadata.annotations?.[isDefault] === 'true');
  if (chosen) return { status: 'ok', message: `${chosen.metadata.name} is the default.` };
  return {
    status: 'warning',
    message: 'No storage class is the default.',
    remedy: 'Name one with every new PostgreSQL cluster, or make one the default.',
  };
}
