/** Generated passwords: the Secret of a new role, and which one of a role that exists may be written to. */
import { isObjectName } from '../../cnpg/names.ts';
import { isRoleSecretOf, passwordLength, roleSecret, roleSecretName } from '../../cnpg/role-secret.ts';
import type { Cluster, RoleSpec, Secret } from '../../cnpg/types.ts';
import { nameOrLiteral } from '../../cnpg/untrusted.ts';
import { ToolError } from '../../errors.ts';
import type { Operation, Refusal } from '../change-plan.ts';
import type { ToolContext } from '../define-tool.ts';

export type PasswordPlan =
  | { refusal: Refusal }
  | {
      secret: string;
      operation: Operation;
      /** The role has to be pointed to this Secret. */
      attach: boolean;
    };

/** The Secret, or `undefined` when there is none of this name. */
export async function findSecret(context: ToolContext, name: string): Promise<Secret | undefined> {
  try {
    return await context.kube.get<Secret>('secrets', { name, namespace: context.namespace.name });
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'not_found') return undefined;
    throw thrown;
  }
}

/** Creates the Secret of a role with a generated password. */
export function createSecret(cluster: Cluster, role: string, name: string): Operation {
  const { namespace } = cluster.metadata;
  return {
    verb: 'create',
    resource: 'secrets',
    key: { name, ...(namespace !== undefined && { namespace }) },
    summary: `Create Secret ${name} with a generated password of ${passwordLength} characters.`,
    object: roleSecret(cluster, role, name),
    generate: { key: 'password', length: passwordLength },
    undoable: true,
  };
}

/**
 * Plans a new generated password. The role's own Secret takes it when this server made it; a role without a Secret, or one
 * whose Secret is missing, gets one.
 */
export async function planPassword(
  context: ToolContext,
  cluster: Cluster,
  spec: RoleSpec,
): Promise<PasswordPlan> {
  const attached = spec.passwordSecret?.name;
  const secret = attached ?? roleSecretName(cluster.metadata.name, spec.name);
  const attach = attached === undefined;
  if (!isObjectName(secret)) {
    return {
      refusal: {
        reason: `The role ${spec.name} names a Secret ${nameOrLiteral(secret)}, which no Secret can be called.`,
        lift: 'Take passwordSecret out of the declaration of the role, or correct it, with kubectl edit.',
      },
    };
  }
  const key = { name: secret, namespace: context.namespace.name };
  const generate = { key: 'password', length: passwordLength };
  const found = await findSecret(context, secret);
  if (!found) {
    return { secret, operation: createSecret(cluster, spec.name, secret), attach };
  }
  if (!isRoleSecretOf(cluster, spec.name, found)) {
    return {
      refusal: {
        reason: `The Secret ${secret} was not made by this server for the role ${spec.name} of this cluster, so its password is not replaced.`,
        lift: `Set the key password of Secret ${secret} yourself, or let whoever keeps that Secret do it.`,
      },
    };
  }
  const summary = `Write a new generated password of ${passwordLength} characters to Secret ${secret}.`;
  const { uid = '', resourceVersion } = found.metadata;
  const operation: Operation = {
    verb: 'merge',
    resource: 'secrets',
    key,
    summary,
    body: {},
    uid,
    ...(resourceVersion !== undefined && { resourceVersion }),
    generate,
  };
  return { secret, operation, attach };
}
