/** What a service account may do, by the API server's own account, beside what the table of rights says. */

import { type GrantedRule, ruleTable } from '../../../server/src/permissions.ts';
import type { AddOn } from '../../../server/src/tools/permission.ts';
import type { Preset } from '../../../server/src/tools/preset.ts';
import { kubectlWith } from './kubernetes.ts';

/** Full name of a service account. */
export const accountName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

/**
 * Everything that an account may do in a namespace, besides what every account of its namespace may: sorted lines such as
 * `list clusters.postgresql.cnpg.io`, with a name where the right is limited to it.
 */
export async function rightsOf(account: string, namespace: string): Promise<string[]> {
  const anybody = account.replace(/[^:]+$/, 'default');
  const [all, common] = await Promise.all([review(account, namespace), review(anybody, namespace)]);
  return all.filter((right) => !common.includes(right)).sort();
}

interface HeldRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
}

async function review(account: string, namespace: string): Promise<string[]> {
  const question = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  const { status } = JSON.parse(
    await kubectlWith(question, 'create', '--validate=false', '--as', account, '-o', 'json'),
  );
  return (status.resourceRules as HeldRule[]).flatMap(linesOf);
}

function linesOf({ verbs, apiGroups = [''], resources = [], resourceNames = [] }: HeldRule): string[] {
  const names = resourceNames.length === 0 ? [''] : resourceNames.map((name) => ` ${name}`);
  return verbs.flatMap((verb) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.map((name) => `${verb} ${resource}${group === '' ? '' : `.${group}`}${name}`),
      ),
    ),
  );
}

/** What the table grants with a preset and add-ons, in the same words. `scope: cluster` keeps what is granted everywhere. */
export function grantedBy(
  preset: Preset,
  chosen: readonly AddOn[] = [],
  { secrets = [], scope }: { secrets?: readonly string[]; scope?: GrantedRule['scope'] } = {},
): string[] {
  const table = ruleTable();
  const rules = [...table.presets[preset], ...chosen.flatMap((addOn) => table.addOns[addOn][preset])];
  const lines = rules
    .filter((rule) => scope === undefined || rule.scope === scope)
    .flatMap((rule) => linesOf({ ...rule, ...(rule.byName && { resourceNames: [...secrets] }) }));
  return [...new Set(lines)].sort();
}
