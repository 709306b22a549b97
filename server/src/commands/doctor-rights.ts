/** Checks of `doctor` on rights: those of the server's own identity, and those of somebody who is about to install it. */
import type { AccessAnswer, AccessQuestion, CallOptions, KubeGateway } from '../kube/gateway.ts';
import { accessQuestions } from '../permissions.ts';
import type { Tool } from '../tools/define-tool.ts';
import type { AddOn } from '../tools/permission.ts';
import { sourceOf } from '../tools/preset.ts';
import type { Result } from './doctor-check.ts';

/** Whether a tool has its rights in a namespace. `who` is the identity that is told to lack them. */
export async function rightsOf(
  kube: KubeGateway,
  tool: Tool,
  namespace: string,
  who: string,
  call: CallOptions,
): Promise<Result> {
  const questions = accessQuestions(tool, namespace);
  const answers = await kube.mayI(questions, call);
  const missing = questions.filter((_question, index) => !answers[index]?.allowed);
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

/** The chart looks whether the operator's own roles are there, and Helm fails where that is refused. */
const seesClusterRoles: AccessQuestion = {
  verb: 'get',
  group: 'rbac.authorization.k8s.io',
  resource: 'clusterroles',
};

/** Whether the caller may install the server in a namespace, and take it away again. */
export async function mayInstall(kube: KubeGateway, namespace: string, call: CallOptions): Promise<Result> {
  const questions = installed.flatMap((right) =>
    ['create', 'patch', 'delete'].map((verb) => ({ ...right, verb, namespace })),
  );
  const [sees, ...answers] = await kube.mayI([seesClusterRoles, ...questions], call);
  const missing = denied(answers);
  if (missing.length > 0) {
    return {
      status: 'failed',
      message: `May not ${names(missing)}.`,
      remedy: 'Have somebody install it who may, or ask for these rights.',
    };
  }
  if (sees?.allowed) return { status: 'ok', message: 'May make what the chart makes.' };
  return {
    status: 'warning',
    message: `May make what the chart makes, but not ${names([seesClusterRoles])}: the chart looks for the roles of the operator there, and helm fails.`,
    remedy: 'Install with --set rbac.cnpgRoles=create: then it does not look, and makes roles of its own.',
  };
}

/**
 * Whether the caller may give the server the rights of its tools. Kubernetes lets nobody grant what they do not have themselves,
 * unless they may `escalate` roles. The rights of add-ons are told apart: an installation has them only where it names the add-on.
 */
export async function mayGrant(
  kube: KubeGateway,
  tools: readonly Tool[],
  namespace: string,
  call: CallOptions,
): Promise<Result> {
  const escalate = {
    verb: 'escalate',
    group: 'rbac.authorization.k8s.io',
    resource: 'roles',
    namespace,
  };
  const rights = rightsToGrant(tools, namespace);
  const [mayEscalate, ...answers] = await kube.mayI(
    [escalate, ...rights.map(({ question }) => question)],
    call,
  );
  const missing = mayEscalate?.allowed ? [] : rights.filter((_right, index) => !answers[index]?.allowed);
  const [ofPreset, ofAddOns] = [
    missing.filter(({ addOn }) => addOn === undefined),
    missing.filter(({ addOn }) => addOn !== undefined),
  ];
  const questions = (some: typeof missing): AccessQuestion[] => some.map(({ question }) => question);
  const without =
    ofAddOns.length === 0
      ? ''
      : ` Not those of the add-ons ${[...new Set(ofAddOns.map(({ addOn }) => addOn))].join(', ')}, which are off unless asked for: ${names(questions(ofAddOns))}.`;
  if (ofPreset.length === 0)
    return {
      status: 'ok',
      message: `May grant every right that the tools need${without === '' ? '' : ' without add-ons'}.${without}`,
    };
  return {
    status: 'warning',
    message: `May not grant ${names(questions(ofPreset))}, for lack of the same right.${without}`,
    remedy:
      'Ask for these rights; or have somebody who has them run cnpg-mcp-rbac apply, which makes a service account with its roles, and install with rbac.create=false, serviceAccount.create=false, and serviceAccount.name set to that account.',
  };
}

/** Every right of the tools once. One that some tool needs without its add-on comes with the preset. */
function rightsToGrant(
  tools: readonly Tool[],
  namespace: string,
): { question: AccessQuestion; addOn: AddOn | undefined }[] {
  const rights = new Map<string, { question: AccessQuestion; addOn: AddOn | undefined }>();
  for (const { permissions } of tools) {
    for (const permission of permissions) {
      const asked = accessQuestions({ permissions: [permission] }, namespace);
      for (const { optional: _optional, because: _because, ...question } of asked) {
        const key = JSON.stringify(question);
        const known = rights.get(key);
        if (!known) rights.set(key, { question, addOn: permission.addOn });
        else if (permission.addOn === undefined) known.addOn = undefined;
      }
    }
  }
  return [...rights.values()];
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
