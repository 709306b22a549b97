/** The volume claims of a Cluster. */
import { formatBytes, parseQuantity } from './quantities.ts';
import type { Cluster, PersistentVolumeClaim } from './types.ts';

/** The claims that the Cluster owns, so that the garbage collector takes them with it. */
export function claimsOf(
  cluster: Cluster,
  claims: readonly PersistentVolumeClaim[],
): PersistentVolumeClaim[] {
  const { uid } = cluster.metadata;
  return claims.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
}

/** Data, write-ahead log and tablespaces of one instance. */
export function claimsOfInstance(
  instance: string,
  claims: readonly PersistentVolumeClaim[],
): PersistentVolumeClaim[] {
  return claims.filter(({ metadata }) => metadata.labels?.['cnpg.io/instanceName'] === instance);
}

/** Size as provisioned, else as asked for. */
export function claimSize({ status, spec }: PersistentVolumeClaim): string | undefined {
  return status?.capacity?.storage ?? spec.resources?.requests?.storage;
}

/** Number and sum of the claims' sizes: `3 volumes, 30Gi`. */
export function volumeTotal(claims: readonly PersistentVolumeClaim[]): string {
  const bytes = claims.reduce((sum, claim) => sum + (parseQuantity(claimSize(claim)) ?? 0), 0);
  return `${claims.length} ${claims.length === 1 ? 'volume' : 'volumes'}, ${formatBytes(bytes)}`;
}
