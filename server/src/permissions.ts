/** The rights that the tools need, derived from what each of them declares. */
import type { AccessQuestion } from './kube/gateway.ts';
import type { Tool } from './tools/define-tool.ts';
import type { AddOn, Permission, Verb } from './tools/permission.ts';

/** One right, and who needs it. */
export interface PermissionRow {
  group: string;
  /** Plural name, with the subresource where there is one: `clusters`, `clusters/status`. */
  resource: string;
  verb: Verb;
  scope: 'namespace' | 'cluster';
  addOn?: AddOn;
  /** Tools that need it, with the reason each gives. */
  tools: { name: string; because: string; optional: boolean }[];
}

/** The table of all rights of some tools: one row for each verb on each resource, in a fixed order. */
export function permissionTable(tools: readonly Tool[]): PermissionRow[] {
  const rows = new Map<string, PermissionRow>();
  for (const tool of tools) {
    for (const permission of tool.permissions) {
      for (const verb of permission.verbs) {
        const row = rowFor(rows, permission, verb);
        const known = row.tools.find(({ name }) => name === tool.name);
        if (!known) {
          row.tools.push({
            name: tool.name,
            because: permission.because,
            optional: permission.optional === true,
          });
        } else if (!permission.optional) known.optional = false;
      }
    }
  }
  const order = (row: PermissionRow): string => `${row.scope} ${row.group} ${row.resource} ${row.verb}`;
  return [...rows.values()].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function rowFor(rows: Map<string, PermissionRow>, permission: Permission, verb: Verb): PermissionRow {
  const resource = resourceOf(permission);
  const key = [permission.scope, permission.group, resource, verb, permission.addOn ?? ''].join(' ');
  const known = rows.get(key);
  if (known) return known;
  const row: PermissionRow = {
    group: permission.group,
    resource,
    verb,
    scope: permission.scope,
    ...(permission.addOn && { addOn: permission.addOn }),
    tools: [],
  };
  rows.set(key, row);
  return row;
}

/** `clusters`, or `clusters/status`, as RBAC rules write it. */
export function resourceOf({ resource, subresource }: Pick<Permission, 'resource' | 'subresource'>): string {
  return subresource ? `${resource}/${subresource}` : resource;
}

/** What to ask the API server to know whether a tool may be used in a namespace; optional rights are marked. */
export function accessQuestions(
  tool: Tool,
  namespace: string,
): (AccessQuestion & { optional: boolean; because: string })[] {
  return tool.permissions.flatMap((permission) =>
    permission.verbs.map((verb) => ({
      verb,
      group: permission.group,
      resource: permission.resource,
      ...(permission.subresource && { subresource: permission.subresource }),
      ...(permission.scope === 'namespace' && { namespace }),
      optional: permission.optional === true,
      because: permission.because,
    })),
  );
}
