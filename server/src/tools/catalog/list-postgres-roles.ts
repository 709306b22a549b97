/** Lists the roles that are declared for a cluster, wherever they are declared, with what the operator says of each. */
import { z } from 'zod';
import { applicationDatabase } from '../../cnpg/role-names.ts';
import { attributesOf, type DeclaredRole, roleStatus, undeclaredRoles } from '../../cnpg/roles.ts';
import type { Cluster } from '../../cnpg/types.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { defineReadTool } from '../define-tool.ts';
import type { Fence } from '../fence.ts';
import { cursor, format, limit, namespace } from '../inputs.ts';
import { namespacePhrase } from '../namespace.ts';
import { readRoles, readRolesPermissions } from '../roles/declared.ts';
import { attributesShape, attributeWords, definedIn, roleInputs } from '../roles/shapes.ts';
import { shownName } from '../shown-name.ts';

const role = z.object({
  name: z.string(),
  ensure: z.string(),
  ...attributesShape,
  password_secret: z.string().nullable(),
  defined_in: definedIn,
  crd_name: z.string().optional(),
  status: z.enum(['reconciled', 'pending', 'failed', 'deleting', 'unknown']),
  messages: z.array(z.string()),
});

export const listPostgresRoles = defineReadTool({
  name: 'list_postgres_roles',
  title: 'List the roles of a cluster',
  toolset: 'roles',
  description:
    'Lists the roles declared for a PostgreSQL cluster, in spec.managed.roles and as DatabaseRole objects, with attributes and status.',
  input: z.strictObject({
    cluster_name: roleInputs.cluster_name,
    namespace,
    format,
    limit: limit.default(100),
    cursor,
  }),
  output: z.object({
    cluster: z.string(),
    namespace: z.string(),
    scope: z.string(),
    roles: z.array(role),
    count: z.int(),
    total: z.int(),
    application_owner: z.string().optional().describe('Made by bootstrap; not declared.'),
    undeclared: z.array(z.string()).optional().describe('As the operator saw them last.'),
    truncated: z.boolean().optional(),
    next_cursor: z.string().optional(),
  }),
  permissions: readRolesPermissions,
  clusterArgument: 'cluster_name',

  async read(context, { cluster_name, namespace: _namespace, format: _format, limit, cursor }) {
    const { cluster, roles } = await readRoles(context, cluster_name);
    const question = { cluster_name, namespace: context.namespace.name };
    const { skip } = decodeCursor(cursor, question);
    const cursorAt = (index: number): string => encodeCursor({ token: '', skip: skip + index }, question);
    const page = roles.slice(skip, skip + limit);
    const owner = applicationDatabase(cluster)?.owner;
    const undeclared = undeclaredRoles(cluster)?.slice(0, 100);
    const shown = (name: string): string => shownName(name, context.fence);
    return {
      output: {
        cluster: cluster_name,
        namespace: context.namespace.name,
        scope: namespacePhrase(context.namespace),
        roles: page.map((declared) => view(cluster, declared, context.fence)),
        count: page.length,
        total: roles.length,
        ...(owner !== undefined && { application_owner: shown(owner) }),
        ...(undeclared && { undeclared: undeclared.map(shown) }),
        ...(skip + page.length < roles.length && { truncated: true, next_cursor: cursorAt(page.length) }),
      },
      list: { field: 'roles', cursorAt },
    };
  },

  text({ cluster, scope, roles, total, application_owner, next_cursor }) {
    const where = `cluster ${cluster} in ${scope}`;
    const head =
      total === 0 ? `No roles are declared for ${where}.` : `Found ${total} declared roles for ${where}:`;
    const owner =
      application_owner === undefined ? [] : ['', `Owner of the application database: ${application_owner}`];
    const more = next_cursor === undefined ? [] : ['', `More roles follow: pass cursor ${next_cursor}`];
    return [head, ...roles.flatMap((one) => ['', ...block(one)]), ...owner, ...more].join('\n');
  },
});

function view(cluster: Cluster, declared: DeclaredRole, fence: Fence): z.input<typeof role> {
  const { spec, place, object } = declared;
  const { state, messages } = roleStatus(cluster, declared);
  const attributes = attributesOf(spec);
  return {
    name: shownName(spec.name, fence),
    ensure: spec.ensure ?? 'present',
    ...attributes,
    in_roles: attributes.in_roles.map((parent) => shownName(parent, fence)),
    password_secret: spec.passwordSecret ? shownName(spec.passwordSecret.name, fence) : null,
    defined_in: place,
    ...(object && { crd_name: object.metadata.name }),
    status: state,
    messages: messages.map((message) => fence.quote(message)),
  };
}

function block(one: z.output<typeof role>): string[] {
  const place = one.crd_name === undefined ? one.defined_in : `${one.defined_in} ${one.crd_name}`;
  return [
    `**${one.name}** (${place})`,
    `- Ensure: ${one.ensure}`,
    `- Attributes: ${attributeWords(one)}`,
    `- Password secret: ${one.password_secret ?? 'none'}`,
    `- Status: ${one.status}`,
    ...one.messages.map((message) => `  ${message}`),
  ];
}
