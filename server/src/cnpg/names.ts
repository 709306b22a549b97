/** Names that the operator derives from a Cluster, and names that this server derives for the objects it makes. */
import { createHash } from 'node:crypto';

/** Labels and annotations that the operator reads or sets. */
export const clusterLabel = 'cnpg.io/cluster';
export const hibernationAnnotation = 'cnpg.io/hibernation';
export const fencedInstancesAnnotation = 'cnpg.io/fencedInstances';

/** Set by people on what must not be deleted through this server; read by ./protection.ts. */
export const protectedAnnotation = 'cnpg-mcp.io/protected';

/** Marks on every object that this server makes: who made it, and the uid of the Cluster it was made for. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'cnpg-mcp';
export const ownerUidAnnotation = 'cnpg-mcp.io/owner-uid';

/**
 * Longest derived object name. Kubernetes allows 253 characters, but the operator puts these names into label values and
 * names of further objects, where the limit is 63.
 */
const maxObjectName = 63;
const hashLength = 8;

/**
 * Object name for something that PostgreSQL knows as `sqlName`: `<cluster>-<sqlName>` where that is a valid name already,
 * else a readable slug with a short hash of the SQL name, so that `app_user`, `app-user` and `App_User` never meet.
 * `prefix` comes before, as in `cnpg-<cluster>-user-<role>`: pass `objectName(cluster, role, 'cnpg', 'user')`. With an infix the
 * plain name is taken only when it can be read in one way: `cnpg-shop-user-eu-user-x` could be of `shop` or of `shop-user-eu`.
 * The result is a DNS-1123 label and is always the same for the same arguments.
 */
export function objectName(cluster: string, sqlName: string, prefix?: string, infix?: string): string {
  const head = [prefix, cluster, infix].filter((part) => part !== undefined).join('-');
  const plain = `${head}-${sqlName}`;
  const clear = infix === undefined || readsInOneWay(`${cluster}-${infix}-${sqlName}`, `-${infix}-`);
  if (clear && isSlug(sqlName) && plain.length <= maxObjectName) return plain;
  // Head and SQL name both go in, with a separator that neither can hold: cutting must not make two names equal.
  const hash = createHash('sha256').update(`${head}\n${sqlName}`).digest('hex').slice(0, hashLength);
  const room = maxObjectName - hashLength - 1;
  const slug = trimHyphens(`${head}-${slugOf(sqlName)}`.slice(0, room));
  return `${slug}-${hash}`;
}

function readsInOneWay(text: string, separator: string): boolean {
  return text.indexOf(separator) === text.lastIndexOf(separator);
}

/**
 * True for names that are kept as they are. One that ends like a hash is not: it could be the derived name of another.
 */
function isSlug(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) && !/-[0-9a-f]{8}$/.test(name);
}

function slugOf(name: string): string {
  const ascii = name.normalize('NFKD').toLowerCase();
  return trimHyphens(ascii.replace(/[^a-z0-9]+/g, '-'));
}

function trimHyphens(text: string): string {
  return text.replace(/^-+|-+$/g, '');
}

/** True when Kubernetes takes the text as the name of an object: a DNS-1123 subdomain, as good as. */
export function isObjectName(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text);
}

/** Secret with the credentials of the application owner; the operator makes it. */
export function appSecretName(cluster: string): string {
  return `${cluster}-app`;
}

/** The command that shows a password to a person who may read the Secret. */
export function passwordCommand(secret: string, namespace: string): string {
  return `kubectl get secret ${secret} -n ${namespace} -o jsonpath='{.data.password}' | base64 -d`;
}

/** Names of the services that lead to a Cluster: read-write, read-only, any instance. */
export function serviceNames(cluster: string): string[] {
  return [`${cluster}-rw`, `${cluster}-ro`, `${cluster}-r`];
}

/** Serial number at the end of an instance name (`orders-3` is 3); `undefined` when it is not an instance of the cluster. */
export function instanceSerial(cluster: string, instance: string): number | undefined {
  const serial = instance.startsWith(`${cluster}-`) ? instance.slice(cluster.length + 1) : '';
  return /^[1-9]\d{0,8}$/.test(serial) ? Number(serial) : undefined;
}
