/** Watching what becomes of a role that was made or changed, in either place. */
import { inlineProgress, objectProgress } from '../../cnpg/role-progress.ts';
import type { Cluster, DatabaseRole } from '../../cnpg/types.ts';
import { untilApplied, type Waiting } from '../applied.ts';
import type { Outcome } from '../change-plan.ts';
import type { ToolContext } from '../define-tool.ts';

/** What was written, and how things stood before. */
export interface WrittenRole {
  role: string;
  /** The Cluster as the plan read it. An inline role is held to how it stood at the write, where that is known. */
  cluster: Cluster;
  /** Name of the DatabaseRole; absent for an inline role. */
  objectName?: string;
  /** The DatabaseRole as the plan read it; absent when it is new. */
  objectBefore?: DatabaseRole;
  /** Secret whose password was written; absent when the password stays. */
  secret?: string;
  /** Attributes other than memberships were changed. */
  altered: boolean;
}

/** Done when the operator has applied the attributes and, where one was written, the very password of the Secret. */
export async function observeRole(
  context: ToolContext,
  written: WrittenRole,
  waiting: Waiting,
): Promise<Omit<Outcome<unknown>, 'result'>> {
  const { role, cluster, objectName, objectBefore, secret, altered } = written;
  const namespace = context.namespace.name;
  const read = waiting.wait && secret !== undefined;
  const secretVersion = read
    ? (await context.kube.get('secrets', { name: secret, namespace })).metadata.resourceVersion
    : undefined;
  if (objectName !== undefined) {
    const look = objectProgress({ secretVersion }, objectBefore);
    return untilApplied(context, 'databaseroles', { name: objectName, namespace }, waiting, look);
  }
  const before = (waiting.after as Cluster | undefined) ?? cluster;
  const look = inlineProgress({ role, secretVersion, altered }, before);
  return untilApplied(context, 'clusters', { name: cluster.metadata.name, namespace }, waiting, look);
}
