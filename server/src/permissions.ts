/** The rights that the server needs, derived from what each of its tools declares. */
import type { AccessQuestion } from './kube/gateway.ts';
import { watchPermissions } from './mcp/resources/watches.ts';
import { auditEventsUser } from './tools/audit-events.ts';
import { catalogue } from './tools/catalog/index.ts';
import type { AddOn, Permission, Verb } from './tools/permission.ts';
import { addOns, includesPreset, type Preset, presetOf, presets, type RightUser } from './tools/preset.ts';

/** Everything in the server that uses rights: the tools, Events about changes, and the watch behind resource subscriptions. */
export const rightUsers: readonly RightUser[] = [
  ...catalogue,
  auditEventsUser,
  {
    name: 'resource subscriptions',
    effect: 'read',
    permissions: watchPermissions.map((permission) => ({ ...permission, optional: true })),
  },
];

/** One right, and who needs it. */
export interface PermissionRow {
  group: string;
  /** Plural name, with the subresource where there is one: `clusters`, `clusters/status`. */
  resource: string;
  verb: Verb;
  scope: 'namespace' | 'cluster';
  /** The least preset that has it. */
  preset: Preset;
  addOn?: AddOn;
  /** Tools that need it, with the reason each gives. */
  tools: { name: string; because: string; optional: boolean }[];
}

/** The table of all rights of some tools: one row for each verb on each resource, in a fixed order. */
export function permissionTable(users: readonly RightUser[]): PermissionRow[] {
  const rows = new Map<string, PermissionRow>();
  for (const user of users) {
    for (const permission of user.permissions) {
      for (const verb of permission.verbs) {
        const row = rowFor(rows, permission, verb, presetOf(user.effect));
        const known = row.tools.find(({ name }) => name === user.name);
        if (!known) {
          row.tools.push({
            name: user.name,
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

function rowFor(
  rows: Map<string, PermissionRow>,
  permission: Permission,
  verb: Verb,
  preset: Preset,
): PermissionRow {
  const resource = resourceOf(permission);
  const key = [permission.scope, permission.group, resource, verb, permission.addOn ?? ''].join(' ');
  const known = rows.get(key);
  if (known) {
    if (includesPreset(known.preset, preset)) known.preset = preset;
    return known;
  }
  const row: PermissionRow = {
    group: permission.group,
    resource,
    verb,
    scope: permission.scope,
    preset,
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
  tool: Pick<RightUser, 'permissions'>,
  namespace: string,
): (AccessQuestion & { optional: boolean; because: string })[] {
  return tool.permissions.flatMap((permission) =>
    permission.verbs.map((verb) => ({
      verb,
      group: permission.group,
      resource: permission.resource,
      ...(permission.subresource && { subresource: permission.subresource }),
      ...(permission.scope === 'namespace' && { namespace }),
      // The API server takes a namespace to be in itself: a Role there can grant reading it.
      ...(permission.resource === 'namespaces' && { namespace, name: namespace }),
      optional: permission.optional === true,
      because: permission.because,
    })),
  );
}

/** A rule as RBAC writes it, and what the chart must know about it. */
export interface GrantedRule {
  apiGroups: [string];
  resources: string[];
  verbs: Verb[];
  /** `cluster`: of no namespace, so that only a ClusterRoleBinding grants it. */
  scope?: 'cluster';
  /** The rule is limited to the names that the site lists. */
  byName?: true;
  /** The role that the operator's own chart makes, `…-view` or `…-edit`, has it too. */
  cnpgRole?: 'view' | 'edit';
}

/** All that can be granted. */
export interface RuleTable {
  presets: Record<Preset, GrantedRule[]>;
  /** What an add-on adds to a preset: the rights of the tools that the preset has. */
  addOns: Record<AddOn, Record<Preset, GrantedRule[]>>;
}

/** The rules of every preset and add-on: exactly what the tools that they enable declare. */
export function ruleTable(users: readonly RightUser[] = rightUsers): RuleTable {
  const rows = permissionTable(users);
  const rulesFor = (preset: Preset, addOn?: AddOn): GrantedRule[] =>
    rulesOf(rows.filter((row) => includesPreset(preset, row.preset) && row.addOn === addOn));
  const perPreset = (addOn?: AddOn): Record<Preset, GrantedRule[]> =>
    Object.fromEntries(presets.map((preset) => [preset, rulesFor(preset, addOn)])) as Record<
      Preset,
      GrantedRule[]
    >;
  return {
    presets: perPreset(),
    addOns: Object.fromEntries(
      Object.keys(addOns).map((addOn) => [addOn, perPreset(addOn as AddOn)]),
    ) as RuleTable['addOns'],
  };
}

const reading: readonly Verb[] = ['get', 'list', 'watch'];
const writing: readonly Verb[] = ['create', 'patch', 'delete'];

/**
 * What the roles of the operator's chart are about (chart 0.29.0). They have get, list, watch there (`…-view`), and create,
 * delete, patch, update (`…-edit`); clusterimagecatalogs is missing here because a RoleBinding cannot grant it.
 */
const cnpgRoleResources: readonly string[] = [
  'backups',
  'clusters',
  'clusters/status',
  'databaseroles',
  'databases',
  'failoverquorums',
  'imagecatalogs',
  'poolers',
  'publications',
  'scheduledbackups',
  'subscriptions',
];

type Traits = Pick<GrantedRule, 'scope' | 'byName' | 'cnpgRole'>;

/** Rules with as few entries as can be, never mixing reading and writing. */
function rulesOf(rows: readonly PermissionRow[]): GrantedRule[] {
  const perResource = new Map<string, { row: PermissionRow; verbs: Set<Verb>; traits: Traits }>();
  for (const row of rows) {
    const traits = traitsOf(row);
    const reads = reading.includes(row.verb);
    const key = JSON.stringify([row.group, row.resource, reads, traits]);
    const entry = perResource.get(key) ?? { row, verbs: new Set<Verb>(), traits };
    entry.verbs.add(row.verb);
    perResource.set(key, entry);
  }
  const rules = new Map<string, GrantedRule>();
  for (const { row, verbs, traits } of perResource.values()) {
    const ordered = [...reading, ...writing].filter((verb) => verbs.has(verb));
    const key = JSON.stringify([row.group, ordered, traits]);
    const rule = rules.get(key) ?? { apiGroups: [row.group], resources: [], verbs: ordered, ...traits };
    rule.resources.push(row.resource);
    rules.set(key, rule);
  }
  const order = ({ apiGroups, resources, verbs }: GrantedRule): string =>
    `${apiGroups[0]} ${reading.includes(verbs[0] as Verb) ? 'a' : 'b'} ${resources.join()} ${verbs.join()}`;
  return [...rules.values()]
    .map((rule) => ({ ...rule, resources: rule.resources.sort() }))
    .sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function traitsOf({ group, resource, verb, scope, addOn }: PermissionRow): Traits {
  const inNamespace = scope === 'namespace' || resource === 'namespaces';
  const ofOperator = group === 'postgresql.cnpg.io' && cnpgRoleResources.includes(resource);
  return {
    ...(!inNamespace && { scope: 'cluster' }),
    // RBAC cannot limit create by name: at that time the object has none yet.
    ...(addOn === 'secrets' && verb !== 'create' && { byName: true }),
    ...(ofOperator && { cnpgRole: reading.includes(verb) ? 'view' : 'edit' }),
  };
}
