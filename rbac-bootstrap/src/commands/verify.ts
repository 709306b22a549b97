import { ToolError } from '../../../server/src/errors.ts';
import { ruleTable } from '../../../server/src/permissions.ts';
import { Api, describeRight, type Right } from '../api.ts';
import { rightsOf } from '../escalation.ts';
import { exitStatus, Failure } from '../exit-status.ts';
import type { Invocation } from '../flags.ts';
import { enabledAddOns, namespacesOf, type PolicyRule, serviceAccountOf } from '../objects.ts';
import type { Command } from './command.ts';

export const verify: Command = {
  summary:
    'Ask the API server whether the service account has the rights of the preset, and none that it must not have.',
  async run(invocation, api, { out }) {
    const { name, namespace } = serviceAccountOf(invocation.release, invocation.values);
    const [needed, dangerous] = [neededRights(invocation), dangerousRights(invocation)];
    const answers = await asAccount(invocation, api, [...needed, ...dangerous]);
    const missing = needed.filter((_, index) => !answers[index]);
    const excessive = dangerous.filter((_, index) => answers[needed.length + index]);
    for (const right of missing) out(`missing    ${describeRight(right)}\n`);
    for (const right of excessive)
      out(`dangerous  ${describeRight(right)}: not given by this program or the chart\n`);
    out(
      `Service account ${namespace}/${name}: ${needed.length - missing.length} of ${needed.length} rights that it needs, ` +
        `${excessive.length} that it must not have.\n`,
    );
    return missing.length + excessive.length === 0 ? exitStatus.ok : exitStatus.failed;
  },
};

/** Every single right of the preset and the add-ons, wherever it comes from. */
function neededRights({ release, values }: Invocation): Right[] {
  const { presets, addOns } = ruleTable();
  const { preset } = values.rbac;
  const rules = [...presets[preset], ...enabledAddOns(values).flatMap((name) => addOns[name][preset])];
  const namespaces = namespacesOf(release, values) ?? [undefined];
  const written = (rule: (typeof rules)[number]): PolicyRule => ({
    ...rule,
    ...(rule.byName && { resourceNames: values.rbac.addOns.secrets }),
  });
  return rules.flatMap((rule) =>
    rule.scope === 'cluster'
      ? rightsOf([written(rule)])
      : namespaces.flatMap((namespace) => namedNamespace(rightsOf([written(rule)], namespace))),
  );
}

/** A namespace is read as an object in itself. */
function namedNamespace(rights: Right[]): Right[] {
  return rights.map((right) =>
    right.resource === 'namespaces' && right.namespace ? { ...right, name: right.namespace } : right,
  );
}

/** Rights by which more could be had than the presets give: they never come from here. */
function dangerousRights({ release, values }: Invocation): Right[] {
  const rbac = 'rbac.authorization.k8s.io';
  const inOne: Omit<Right, 'namespace'>[] = [
    { verb: 'list', group: '', resource: 'secrets' },
    { verb: 'get', group: '', resource: 'secrets' },
    { verb: 'create', group: '', resource: 'pods' },
    { verb: 'create', group: '', resource: 'pods', subresource: 'exec' },
    { verb: 'create', group: '', resource: 'serviceaccounts', subresource: 'token' },
    { verb: 'bind', group: rbac, resource: 'roles' },
    { verb: 'escalate', group: rbac, resource: 'roles' },
  ];
  const everywhere: Right[] = [
    { verb: 'impersonate', group: '', resource: 'users' },
    { verb: 'bind', group: rbac, resource: 'clusterroles' },
    { verb: 'escalate', group: rbac, resource: 'clusterroles' },
  ];
  const namespaces = namespacesOf(release, values);
  return [
    ...inOne.flatMap((right) => namespaces?.map((namespace) => ({ ...right, namespace })) ?? [right]),
    ...everywhere,
  ];
}

/** Answers for the account: by reviews about it, or, where those are not allowed, by asking as it with a token of its own. */
async function asAccount(
  { release, values }: Invocation,
  api: Api,
  rights: readonly Right[],
): Promise<boolean[]> {
  const account = serviceAccountOf(release, values);
  const subject = {
    user: `system:serviceaccount:${account.namespace}:${account.name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'],
  };
  const [mayReview, mayHaveToken] = await api.holds([
    { verb: 'create', group: 'authorization.k8s.io', resource: 'subjectaccessreviews' },
    {
      verb: 'create',
      group: '',
      resource: 'serviceaccounts',
      subresource: 'token',
      namespace: account.namespace,
    },
  ]);
  if (mayReview) return api.holds(rights, subject);
  if (!mayHaveToken) {
    throw new Failure(
      'To look at the rights of somebody else you need one of: create subjectaccessreviews.authorization.k8s.io in the whole ' +
        `cluster, or create serviceaccounts/token in namespace ${account.namespace}.`,
      exitStatus.failed,
    );
  }
  const { token } = await api.token(account, 600);
  const own = new Api({ kubeconfigText: kubeconfigWith(api, token) });
  try {
    return await own.holds(rights);
  } catch (thrown) {
    if (thrown instanceof ToolError)
      throw new Failure(`As the service account: ${thrown.message}`, exitStatus.failed);
    throw thrown;
  } finally {
    await own.close();
  }
}

/** The kubeconfig in use, with a token instead of its user. */
export function kubeconfigWith(
  api: Api,
  token: string,
  names = { context: 'cnpg-mcp', namespace: '' },
): string {
  const used = JSON.parse(api.configuration().text) as {
    clusters: { name: string; cluster: object }[];
  };
  const [cluster] = used.clusters;
  if (!cluster) throw new Failure('The kubeconfig names no cluster.', exitStatus.unreachable);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    users: [{ name: names.context, user: { token } }],
    contexts: [
      {
        name: names.context,
        context: {
          cluster: cluster.name,
          user: names.context,
          ...(names.namespace && { namespace: names.namespace }),
        },
      },
    ],
    'current-context': names.context,
  });
}
