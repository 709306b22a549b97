/** What `doctor` looks at. Nothing here changes anything, and a check that fails never keeps the others from being told. */
import { toToolError } from '../errors.ts';
import type { AccessAnswer, Capabilities, KubeGateway, WhoAmI } from '../kube/gateway.ts';
import { accessQuestions } from '../permissions.ts';
import type { Tool } from '../tools/define-tool.ts';
import { sourceOf } from '../tools/preset.ts';

/** One line of the report. Ids are stable. */
export interface Check {
  id: string;
  group: string;
  /** `warning`: something offered will not work. `failed`: nothing will, or nothing that looks. */
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What was found, with its cause. */
  message: string;
  /** What to do about it. */
  remedy?: string;
}

export interface DoctorOptions {
  kube: KubeGateway;
  /** The tools that are offered. */
  tools: readonly Tool[];
  /** Namespaces to check rights in; omitted: the default one. */
  namespaces?: readonly string[] | undefined;
  signal: AbortSignal;
}

const timeoutSeconds = 15;
/** The oldest operator that this server knows. */
const oldestOperator = '1.28.0';

/** Runs all checks in order. */
export async function* checkEverything({
  kube,
  tools,
  namespaces,
  signal,
}: DoctorOptions): AsyncGenerator<Check> {
  const call = { signal, timeoutSeconds };
  const capabilities = await attempt(() => kube.capabilities({ ...call, operatorVersion: true }));
  const { server, source } = kube.describe();
  const configured = server !== 'none';
  if (configured) {
    yield {
      group: 'Kubernetes',
      id: 'cluster-configured',
      status: 'ok',
      message: `${server}, from ${source}.`,
    };
  }
  if ('failed' in capabilities) {
    yield {
      group: 'Kubernetes',
      id: configured ? 'api-reachable' : 'cluster-configured',
      ...capabilities.failed,
    };
    yield* skipped([
      ...(configured ? [] : ['api-reachable']),
      'identity',
      'operator-installed',
      'namespace',
      'rights',
    ]);
    return;
  }
  const { kubernetesVersion } = capabilities.value;
  yield {
    group: 'Kubernetes',
    id: 'api-reachable',
    status: 'ok',
    message: `Kubernetes ${kubernetesVersion}.`,
  };

  const identity = await attempt(() => kube.whoAmI(call));
  yield {
    group: 'Kubernetes',
    id: 'identity',
    ...('failed' in identity ? identity.failed : whoIsIt(identity.value)),
  };

  yield* operatorChecks(capabilities.value);

  const used = namespaces ?? [kube.defaultNamespace().name];
  for (const name of used) {
    yield { group: 'Namespaces', id: `namespace-${name}`, ...(await namespaceCheck(kube, name, call)) };
  }
  const who = 'failed' in identity ? 'this identity' : identity.value.username;
  for (const name of used) {
    for (const tool of tools) {
      const found = await attempt(() => kube.mayI(accessQuestions(tool, name), call));
      const result = 'failed' in found ? found.failed : rightsOf(tool, name, found.value, who);
      yield { group: `Rights in namespace ${name}`, id: `rights-${tool.name}`, ...result };
    }
  }
}

type Result = Pick<Check, 'status' | 'message' | 'remedy'>;

async function attempt<T>(ask: () => Promise<T>): Promise<{ value: T } | { failed: Result }> {
  try {
    return { value: await ask() };
  } catch (thrown) {
    const { message, hint } = toToolError(thrown);
    return { failed: { status: 'failed', message, remedy: hint } };
  }
}

function whoIsIt({ username, groups }: WhoAmI): Result {
  return { status: 'ok', message: `${username}${groups.length > 0 ? ` in ${groups.join(', ')}` : ''}.` };
}

function* operatorChecks({ cnpgKinds, operatorVersion, databaseRoles }: Capabilities): Generator<Check> {
  const group = 'CloudNativePG';
  if (!cnpgKinds.has('clusters')) {
    const message = 'The kinds of postgresql.cnpg.io are not served: the operator is not installed.';
    const remedy = 'Install the CloudNativePG operator: https://cloudnative-pg.io/docs/.';
    yield { group, id: 'operator-installed', status: 'failed', message, remedy };
    return;
  }
  yield {
    group,
    id: 'operator-installed',
    status: 'ok',
    message: `Serves ${[...cnpgKinds].sort().join(', ')}.`,
  };
  if (operatorVersion === undefined) {
    const message = `The version of the operator cannot be told; ${oldestOperator} or later is expected.`;
    yield { group, id: 'operator-version', status: 'warning', message };
    return;
  }
  const recent = compareVersions(operatorVersion, oldestOperator) >= 0;
  yield {
    group,
    id: 'operator-version',
    status: recent ? 'ok' : 'warning',
    message: `Operator ${operatorVersion}${databaseRoles ? ', with DatabaseRole' : ''}.`,
    ...(!recent && { remedy: `Upgrade to ${oldestOperator} or later; older ones are not tested.` }),
  };
}

/** Below, at or above zero as `a` is older than, the same as or newer than `b`; pre-release marks are not looked at. */
export function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] =>
    version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  const at = [0, 1, 2].find((index) => left[index] !== right[index]);
  return at === undefined ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

async function namespaceCheck(
  kube: KubeGateway,
  name: string,
  call: { signal: AbortSignal; timeoutSeconds: number },
): Promise<Result> {
  const origin =
    kube.defaultNamespace().name === name
      ? ` Default of calls that name none (${kube.defaultNamespace().source}).`
      : '';
  try {
    await kube.get('namespaces', { name }, call);
    return { status: 'ok', message: `Exists.${origin}` };
  } catch (thrown) {
    const { code, message, hint } = toToolError(thrown);
    if (code === 'forbidden')
      return {
        status: 'ok',
        message: `May not be looked up, which is only needed for better messages.${origin}`,
      };
    if (code !== 'not_found') return { status: 'failed', message, remedy: hint };
    return {
      status: 'warning',
      message: `Does not exist.${origin}`,
      remedy: 'Create it, or set another namespace.',
    };
  }
}

/** A tool that changes something and may not is a warning: an installation that only looks is a good one. */
function rightsOf(tool: Tool, namespace: string, answers: AccessAnswer[], who: string): Result {
  const questions = accessQuestions(tool, namespace);
  const missing = answers.flatMap(({ allowed, reason }, index) => {
    const question = questions[index];
    return allowed || !question ? [] : [{ ...question, reason }];
  });
  const names = (optional: boolean): string =>
    missing
      .filter((right) => right.optional === optional)
      .map(({ verb, resource, subresource, group }) => {
        const target = subresource ? `${resource}/${subresource}` : resource;
        return `${verb} ${target}${group === '' ? '' : `.${group}`}`;
      })
      .join(', ');
  const [required, optional] = [names(false), names(true)];
  const source = missing
    .filter((right) => !right.optional)
    .map((right) => sourceOf(tool, right))
    .at(-1);
  const grant = `Grant it in this namespace${source ? `: ${source}` : ''}`;
  if (required === '') {
    return {
      status: 'ok',
      message: optional === '' ? 'Has every right.' : `Works; says more with ${optional}.`,
    };
  }
  return {
    status: tool.effect === 'read' ? 'failed' : 'warning',
    message: `${who} lacks ${required}.`,
    remedy:
      tool.effect === 'read'
        ? `${grant}.`
        : `${grant}; or set readOnly (or noDestroy, or toolsets) so that the tool is not offered.`,
  };
}

function* skipped(ids: readonly string[]): Generator<Check> {
  for (const id of ids) {
    yield { group: 'Not checked', id, status: 'skipped', message: 'Needs what failed above.' };
  }
}
