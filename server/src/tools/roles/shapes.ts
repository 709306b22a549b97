/** Arguments and results that the role tools share. */
import { z } from 'zod';
import type { RoleAttributes } from '../../cnpg/roles.ts';
import { clusterName, postgresName } from '../inputs.ts';

export const roleInputs = {
  cluster_name: clusterName,
  role_name: postgresName,
};

/** Full list of memberships. Predefined roles such as `pg_read_all_data` are allowed. */
export const inRoles = z.array(postgresName).max(64);

export const attributesShape = {
  login: z.boolean(),
  superuser: z.boolean(),
  inherit: z.boolean(),
  createdb: z.boolean(),
  createrole: z.boolean(),
  replication: z.boolean(),
  in_roles: z.array(z.string()),
};

export const definedIn = z.enum(['spec.managed.roles', 'DatabaseRole']);

/** `LOGIN INHERIT NOCREATEDB …`: the attributes in PostgreSQL's words. */
export function attributeWords(attributes: RoleAttributes): string {
  const flags = (['login', 'superuser', 'inherit', 'createdb', 'createrole', 'replication'] as const).map(
    (key) => (attributes[key] ? key.toUpperCase() : `NO${key.toUpperCase()}`),
  );
  const member = attributes.in_roles.length > 0 ? `, member of ${attributes.in_roles.join(', ')}` : '';
  return `${flags.join(' ')}${member}`;
}
