import { ToolError } from '../../../server/src/errors.ts';
import { kubeconfigWith, tokenOf } from '../account-token.ts';
import { Api, describeRight, ifAllowed, type Right } from '../api.ts';
import type { AnyRule } from '../escalation.ts';
import { exitStatus, Failure } from '../exit-status.ts';
import { dangerousRights, largerRights, neededRights, without } from '../expected-rights.ts';
import { cluster, installation } from '../flag-table.ts';
import type { Invocation } from '../flags.ts';
import { serviceAccountOf } from '../objects.ts';
import { type Command, listOf } from './command.ts';

export const verify: Command = {
  summary:
    'Ask the API server whether the service account has the rights of the preset and the add-ons, and no others.',
  flags: [...installation, ...cluster],
  async run(invocation, api, { out, error }) {
    const { name, namespace } = serviceAccountOf(invocation.release, invocation.values);
    const needed = neededRights(invocation);
    const dangerous = dangerousRights(invocation);
    const larger = without(largerRights(invocation), [...needed, ...dangerous]);
    const answers = await asAccount(invocation, api, [...needed, ...dangerous, ...larger]);
    const held = new Set([...needed, ...dangerous, ...larger].filter((_, index) => answers[index]));
    const missing = needed.filter((right) => !held.has(right));
    const forbidden = dangerous.filter((right) => held.has(right));
    const surplus = larger.filter((right) => held.has(right));
    const { roles, unread } = await rolesOfSite(invocation, api);
    const excessive = surplus.filter((right) => !isGranted(right, roles));
    for (const right of missing) out(`missing    ${describeRight(right)}\n`);
    for (const right of forbidden)
      out(`dangerous  ${describeRight(right)}: no preset and no add-on has it\n`);
    for (const right of excessive) out(`excessive  ${describeRight(right)}: more than these values give\n`);
    if (excessive.length > 0 && unread.length > 0)
      error(`What is excessive may come from roles that you may not read:\n${listOf(unread)}`);
    out(
      `Service account ${namespace}/${name}: ${needed.length - missing.length} of ${needed.length} rights that it needs, ` +
        `${excessive.length} too many, ${forbidden.length} that it must not have.\n`,
    );
    const faults = missing.length + excessive.length + forbidden.length;
    return faults === 0 ? exitStatus.ok : exitStatus.failed;
  },
};

/** The roles that the site has bound by itself (rbac.existingClusterRoles), and those that the caller may not read. */
async function rolesOfSite(
  { values: { rbac } }: Invocation,
  api: Api,
): Promise<{ roles: AnyRule[]; unread: string[] }> {
  const roles: AnyRule[] = [];
  const unread: string[] = [];
  for (const name of rbac.existingClusterRoles) {
    const role = await ifAllowed(api.get('ClusterRole', name));
    if (role && 'rules' in role) roles.push(...(role.rules ?? []));
    else unread.push(`ClusterRole ${name}`);
  }
  return { roles, unread };
}

function isGranted({ group, resource, subresource, verb }: Right, rules: readonly AnyRule[]): boolean {
  const has = (list: readonly string[] = [], item: string): boolean =>
    list.includes(item) || list.includes('*');
  const path = subresource === undefined ? resource : `${resource}/${subresource}`;
  return rules.some(
    ({ apiGroups, resources, verbs, resourceNames }) =>
      resourceNames === undefined && has(apiGroups, group) && has(resources, path) && has(verbs, verb),
  );
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
  const { token } = await tokenOf(api, account, 600);
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
