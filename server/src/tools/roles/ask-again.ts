/**
 * An operator that has applied a role of `spec.managed.roles` may not say so: it writes an older status over a newer one, and the
 * role stays listed as `pending-reconciliation` until the Cluster changes, be it by an annotation. Seen on operator 1.30.0 under
 * load, after 4 of some 130 changes of attributes and password together (docs/decisions/0009).
 */
import { annotate } from '../../cnpg/annotate.ts';
import { own } from '../../cnpg/role-names.ts';
import { inlineProgress } from '../../cnpg/role-progress.ts';
import type { Cluster } from '../../cnpg/types.ts';
import type { AwaitOperation, EditOperation } from '../change-plan.ts';
import { atCluster, editOf } from './cluster-step.ts';

/** Seconds until the operator is asked again; mostly it has said so within one. */
export const askAgainAfterSeconds = 5;

const askedAgainAnnotation = 'cnpg-mcp.io/asked-again-at';

/**
 * Looks for a while, `patience` seconds at most, whether a change of an inline role is applied. `altered`: as in
 * {@link inlineProgress}.
 */
export function awaitApplied(
  cluster: Cluster,
  role: string,
  altered: boolean,
  patience: number,
): AwaitOperation {
  let look: ReturnType<typeof inlineProgress> | undefined;
  return {
    ...atCluster(cluster),
    verb: 'await',
    summary: `See whether the operator has applied the role ${role}.`,
    timeoutSeconds: Math.min(askAgainAfterSeconds, patience),
    until: (object, written) => {
      const secretVersion = written('secrets')?.metadata.resourceVersion;
      const before = (written('clusters') as Cluster | undefined) ?? cluster;
      look ??= inlineProgress({ role, secretVersion, altered }, before);
      return look(object as Cluster | undefined).state === 'waiting' ? 'continue' : { done: { ok: true } };
    },
    orGoOn: true,
  };
}

/** Makes the operator look at a role again that it still lists as pending. */
export function askAgain(cluster: Cluster, role: string, now: Date): EditOperation {
  return {
    ...editOf(cluster),
    summary: `If the operator still lists the role ${role} as pending then, annotate the Cluster, which makes it look again.`,
    intent: { askAgain: role },
    edit: (object) => {
      const lists = (object as Cluster).status?.managedRolesStatus?.byStatus;
      const pending = own(lists, 'pending-reconciliation')?.includes(role) ?? false;
      return pending ? annotate(object, askedAgainAnnotation, now.toISOString()) : [];
    },
    tidies: true,
  };
}
