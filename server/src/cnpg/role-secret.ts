/** The Secret that holds a role's password, and how to tell one that this server made. */
import type { KubeObject } from '../kube/gateway.ts';
import { clusterLabel, managedByLabel, managedByValue, objectName, ownerUidAnnotation } from './names.ts';
import { isLabelValue } from './role-names.ts';
import type { Cluster, Secret } from './types.ts';

/** Characters of a generated password. */
export const passwordLength = 32;

const roleLabel = 'cnpg.io/role';
/** Holds the role's name where it is no label value. */
const roleAnnotation = 'cnpg-mcp.io/role';

/** Name of the Secret that this server makes for a role: `cnpg-<cluster>-user-<role>`, or derived from it. */
export function roleSecretName(cluster: string, role: string): string {
  return objectName(cluster, role, 'cnpg', 'user');
}

/**
 * The Secret of a role without its password, which is generated when it is written. `cnpg.io/reload` makes the operator
 * apply a new password at once instead of at its next reconciliation. Kubernetes collects it with the Cluster, however that is
 * deleted; it is no controller's, so the operator does not take it for one of its own.
 */
export function roleSecret(cluster: Cluster, role: string, name: string): KubeObject {
  const { name: clusterName, namespace, uid } = cluster.metadata;
  const asLabel = isLabelValue(role);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: {
        'app.kubernetes.io/name': 'cnpg',
        [managedByLabel]: managedByValue,
        [clusterLabel]: clusterName,
        'cnpg.io/reload': 'true',
        ...(asLabel && { [roleLabel]: role }),
      },
      annotations: {
        ...(uid !== undefined && { [ownerUidAnnotation]: uid }),
        ...(!asLabel && { [roleAnnotation]: role }),
      },
      ...(uid !== undefined && {
        ownerReferences: [
          {
            apiVersion: 'postgresql.cnpg.io/v1',
            kind: 'Cluster',
            name: clusterName,
            uid,
            controller: false,
            blockOwnerDeletion: false,
          },
        ],
      }),
    },
    type: 'kubernetes.io/basic-auth',
    stringData: { username: role },
  };
}

/** True for a Secret that this server made for a role of this very Cluster (by uid, not only by name). */
export function isRoleSecretOf(cluster: Cluster, role: string, secret: Secret): boolean {
  const { labels, annotations } = secret.metadata;
  return (
    isRoleSecret(secret) &&
    annotations?.[ownerUidAnnotation] === cluster.metadata.uid &&
    (labels?.[roleLabel] ?? annotations?.[roleAnnotation]) === role
  );
}

/** True for a Secret that this server made for a role of some Cluster. */
export function isRoleSecret({ metadata: { labels, annotations } }: Secret): boolean {
  return (
    labels?.[managedByLabel] === managedByValue &&
    (labels[roleLabel] ?? annotations?.[roleAnnotation]) !== undefined
  );
}
