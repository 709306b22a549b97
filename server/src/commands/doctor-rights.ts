/** Checks of `doctor` on rights: those of the server's own identity, and those of somebody who is about to install it. */
import type { AccessAnswer, AccessQuestion, CallOptions, KubeGateway } from '../kube/gateway.ts';
import { accessQuestions } from '../permissions.ts';
import type { Tool } from '../tools/define-tool.ts';
import { sourceOf } from '../tools/preset.ts';
import { attempt, type Result } from './doctor-check.ts';

/** Whether a tool has its rights in a namespace. `who` is the identity that is told to lack them. */
export async function rightsOf(
  kube: KubeGateway,
  tool: Tool,
  namespace: string,
  who: string,
  call: CallOptions,
): Promise<Result> {
  const questions = accessQuestions(tool, namespace);
  const found = await attempt(() => kube.mayI(questions, call));
  if ('failed' in found) return found.failed;
  const missing = questions.filter((_question, index) => !found.value[index]?.allowed);
  const [optional, required] = [
    missing.filter((right) => right.optional),
    missing.filter((right) => !right.optional),
  ];
  if (required.length === 0) {
    const more = optional.length === 0 ? 'Has every right.' : `Works; says more with ${names(optional)}.`;
    return { status: 'ok', message: more };
  }
  const source = required.map((right) => sourceOf(tool, right)).at(-1);
  const grant = `Grant it in this namespace${source ? `: ${source}` : ''}`;
  if (required.every(grantedByName)) {
    const message = `Needs ${names(required)}, which are granted by name: whether it may is seen when it is used.`;
    return { status: 'skipped', message, remedy: `${grant}, if that is not done.` };
  }
  // An installation that only looks is a good one, so a tool that changes something may lack rights.
  const reads = tool.effect === 'read';
  return {
    status: reads ? 'failed' : 'warning',
    message: `${who} lacks ${names(required)}.`,
    remedy: reads
      ? `${grant}.`
      : `${grant}; or set readOnly (or noDestroy, or toolsets) so that the tool is not offered.`,
  };
}

/** Secrets are granted one by one, except for making new ones, and the names depend on what will be asked for. */
function grantedByName({ resource, verb }: Pick<AccessQuestion, 'resource' | 'verb'>): boolean {
  return resource === 'secrets' && verb !== 'create';
}

/** What an installation of the chart makes in its namespace, besides roles. */
const installed: readonly Pick<AccessQuestion, 'group' | 'resource'>[] = [
  ...['serviceaccounts', 'configmaps', 'secrets', 'services'].map((resource) => ({ group: '', resource })),
  { group: 'apps', resource: 'deployments' },
  { group: 'rbac.authorization.k8s.io', resource: 'roles' },
  { group: 'rbac.authorization.k8s.io', resource: 'rolebindings' },
];

/** Whether the caller may install the server in a namespace, and take it away again. */
export async function mayInstall(kube: KubeGateway, namespace: string, call: CallOptions): Promise<Result> {
  const questions = installed.flatMap((right) =>
    ['create', 'patch', 'delete'].map((verb) => ({ ...right, verb, namespace })),
  );
  const found = await attempt(() => kube.mayI(questions, call));
  if ('failed' in found) return found.failed;
  const missing = denied(found.value);
  if (missing.length === 0) return { status: 'ok', message: 'May make what the chart makes.' };
  return {
    status: 'failed',
    message: `May not ${names(missing)}.`,
    remedy: 'Have somebody install it who may, or ask for these rights.',
  };
}

/**
 * Whether the caller may give the server the rights of its tools. Kubernetes lets nobody grant what they do not have themselves,
 * unless they may `escalate` roles.
 */
export async function mayGrant(
  kube: KubeGateway,
  tools: readonly Tool[],
  namespace: string,
  call: CallOptions,
): Promise<Result> {
  const rights = new Map<string, AccessQuestion>();
  for (const { optional: _optional, because: _because, ...right } of tools.flatMap((tool) =>
    accessQuestions(tool, namespace),
  ))
    rights.set(JSON.stringify(right), right);
  const escalate = {
    verb: 'escalate',
    group: 'rbac.authorization.k8s.io',
    resource: 'roles',
    namespace,
  };
  const found = await attempt(() => kube.mayI([escalate, ...rights.values()], call));
  if ('failed' in found) return found.failed;
  const [mayEscalate, ...answers] = found.value;
  const missing = mayEscalate?.allowed ? [] : denied(answers);
  if (missing.length === 0) return { status: 'ok', message: 'May grant every right that the tools need.' };
  return {
    status: 'warning',
    message: `May not grant ${names(missing)}, for lack of the same right.`,
    remedy:
      'Ask for these rights; or have somebody bind the roles of the operator or of cnpg-mcp-rbac, and install with rbac.create: false.',
  };
}

function denied(answers: readonly AccessAnswer[]): AccessAnswer[] {
  return answers.filter(({ allowed }) => !allowed);
}

/** `get pods/log, patch clusters.postgresql.cnpg.io`. */
function names(rights: readonly AccessQuestion[]): string {
  return rights
    .map(({ verb, group, resource, subresource }) => {
      const target = subresource ? `${resource}/${subresource}` : resource;
      return `${verb} ${target}${group === '' ? '' : `.${group}`}`;
    })
    .join(', ');
}
