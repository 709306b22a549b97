/** The password Secrets of roles: what an instance's manager is told when it asks for one. */

import type { Fields } from '../types.ts';
import type { Waits } from './queue.ts';
import type { Place, World } from './world.ts';

/** Seconds until the operator has given an instance the right to read a Secret that is new to it. */
const grantTakes = 3;

export type Password =
  | { version: string | undefined; error?: undefined; again?: undefined }
  | { error: string; again: number | undefined };

/**
 * The password for a role, by the name of its Secret. For a Secret that this cluster did not use before the answer is
 * "forbidden" for a while, as the instance's own RBAC follows with a delay; then "not found" if it does not exist.
 */
export function passwordOf(world: World, waits: Waits, cluster: Place, role: Fields): Password {
  const secretName: string | undefined = role.passwordSecret?.name;
  if (secretName === undefined) return { version: undefined };
  const { namespace, name } = cluster;
  const current = world.get('secrets', namespace, secretName)?.metadata.resourceVersion;
  const applied = world.postgres.role(namespace, name, role.name)?.passwordVersion;
  if (applied !== undefined && applied === current) return { version: applied };
  const left = waits.left(`secret/${namespace}/${name}/${secretName}`, 'grant', grantTakes);
  if (left > 0) {
    const account = `system:serviceaccount:${namespace}:${name}`;
    return {
      error: `secrets "${secretName}" is forbidden: User "${account}" cannot get resource "secrets" in API group "" in the namespace "${namespace}"`,
      again: left,
    };
  }
  const secret = world.get('secrets', namespace, secretName);
  if (secret === undefined) return { error: `secrets "${secretName}" not found`, again: undefined };
  const decoded = (key: string) =>
    Buffer.from(secret.data?.[key] ?? '', 'base64')
      .toString()
      .trim();
  if (secret.data?.username === undefined || secret.data?.password === undefined) {
    const missing = secret.data?.username === undefined ? 'username' : 'password';
    return { error: `missing ${missing} inside secret ${secretName}`, again: undefined };
  }
  if (decoded('username') !== role.name) {
    return {
      error: `the username in secret "${secretName}" does not match role "${role.name}"`,
      again: undefined,
    };
  }
  return { version: secret.metadata.resourceVersion };
}
