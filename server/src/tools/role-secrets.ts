/** Which role Secrets go with a Cluster: those that this server made for it, found by name and proved by mark and uid. */
import { roleSecretNames } from '../cnpg/dependants.ts';
import { managedByLabel, managedByValue, ownerUidAnnotation } from '../cnpg/names.ts';
import { isProtected } from '../cnpg/protection.ts';
import type { Cluster, DatabaseRole, Secret } from '../cnpg/types.ts';
import { ToolError } from '../errors.ts';
import type { ToolContext } from './define-tool.ts';

export interface RoleSecrets {
  /** Made by this server for this very Cluster. */
  ours: { name: string; uid: string }[];
  /** Those that stay, and why: somebody else's, made for an earlier Cluster of this name, or protected. */
  others: { name: string; fate: string }[];
  /** Those that Kubernetes takes with the Cluster, since it owns them, although they are protected or not ours. */
  owned: { name: string; fate: string }[];
  warnings: string[];
}

/** Gets each Secret that a role of the cluster names; Secrets are never listed. Values are not looked at. */
export async function findRoleSecrets(
  { kube, namespace }: ToolContext,
  cluster: Cluster,
  databaseRoles: readonly DatabaseRole[] | undefined,
): Promise<RoleSecrets> {
  const names = roleSecretNames(cluster, databaseRoles);
  const found: RoleSecrets = { ours: [], others: [], owned: [], warnings: [] };
  const unread: string[] = [];
  for (const name of names) {
    try {
      const { metadata } = await kube.get<Secret>('secrets', { name, namespace: namespace.name });
      const marked = metadata.labels?.[managedByLabel] === managedByValue;
      const madeForIt = metadata.annotations?.[ownerUidAnnotation] === cluster.metadata.uid;
      const kept = isProtected({ metadata });
      if (marked && madeForIt && metadata.uid && !kept) {
        found.ours.push({ name, uid: metadata.uid });
      } else if (metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid)) {
        const although = kept ? ' although it is protected' : '';
        found.owned.push({ name, fate: `deleted by Kubernetes with the cluster, which owns it${although}` });
      } else if (kept) {
        found.others.push({ name, fate: 'remains, because it is protected' });
      } else {
        found.others.push({ name, fate: 'remains, because this server did not make it for this cluster' });
      }
    } catch (thrown) {
      if (!(thrown instanceof ToolError)) throw thrown;
      if (thrown.code === 'forbidden') unread.push(name);
      else if (thrown.code !== 'not_found') throw thrown;
    }
  }
  if (unread.length > 0) {
    found.warnings.push(
      `Secrets with passwords of roles remain (${unread.join(', ')}): this server may not read them, so it cannot tell whose they are.`,
    );
  }
  return found;
}
