/** Changes of one role as JSON-patch steps, whatever else the object holds and whoever changes it at the same time. */
import { ToolError } from '../errors.ts';
import type { JsonPatchStep } from '../kube/gateway.ts';
import type { RoleAttributes } from './roles.ts';
import { attributesOf } from './roles.ts';
import type { Cluster, RoleSpec } from './types.ts';
import { nameOrLiteral } from './untrusted.ts';

/** What is to change of a role; what is not there stays as it is. */
export interface RoleChange extends Partial<RoleAttributes> {
  /** Takes back a deletion that PostgreSQL refused. */
  ensure?: 'present';
  /** Secret that holds the password from now on. */
  passwordSecret?: string;
}

/** One difference, for people: `Login: true -> false`. */
export interface AttributeChange {
  label: string;
  from: string;
  to: string;
}

const fields = [
  ['login', 'login', 'Login'],
  ['superuser', 'superuser', 'Superuser'],
  ['inherit', 'inherit', 'Inherit'],
  ['createdb', 'createdb', 'Create DB'],
  ['createrole', 'createrole', 'Create role'],
  ['replication', 'replication', 'Replication'],
  ['in_roles', 'inRoles', 'Member of'],
] as const;

type Value = boolean | readonly string[];

/** Lists are compared name by name: a name may hold a comma. */
const same = (left: Value, right: Value): boolean =>
  typeof left === 'boolean' || typeof right === 'boolean'
    ? left === right
    : left.length === right.length && left.every((name, index) => name === right[index]);

/**
 * What a change makes different; empty when the role is so already. `show`: how a name that was read from the cluster is
 * written; as it stands, the result is fit for a sentence without a fence.
 */
export function differences(
  spec: RoleSpec,
  change: RoleChange,
  show: (name: string) => string = nameOrLiteral,
): AttributeChange[] {
  const shown = (value: Value): string =>
    typeof value === 'boolean' ? String(value) : value.map(show).join(', ') || 'none';
  const now = attributesOf(spec);
  const found: AttributeChange[] = [];
  for (const [key, , label] of fields) {
    const wanted = change[key];
    if (wanted !== undefined && !same(wanted, now[key]))
      found.push({ label, from: shown(now[key]), to: shown(wanted) });
  }
  const ensure = spec.ensure ?? 'present';
  if (change.ensure !== undefined && change.ensure !== ensure)
    found.push({ label: 'Ensure', from: ensure, to: change.ensure });
  const secret = spec.passwordSecret?.name;
  if (change.passwordSecret !== undefined && change.passwordSecret !== secret)
    found.push({
      label: 'Password secret',
      from: secret === undefined ? 'none' : show(secret),
      to: change.passwordSecret,
    });
  return found;
}

/** The steps below `path` that make the change; only the fields that differ are touched. */
export function changeSteps(path: string, spec: RoleSpec, change: RoleChange): JsonPatchStep[] {
  const now = attributesOf(spec);
  const steps: JsonPatchStep[] = [];
  const set = (field: string, value: unknown): void => {
    steps.push({ op: 'add', path: `${path}/${field}`, value });
  };
  for (const [key, field] of fields) {
    const wanted = change[key];
    if (wanted !== undefined && !same(wanted, now[key])) set(field, wanted);
  }
  if (change.ensure !== undefined && change.ensure !== (spec.ensure ?? 'present'))
    set('ensure', change.ensure);
  if (change.passwordSecret !== undefined && change.passwordSecret !== spec.passwordSecret?.name) {
    set('passwordSecret', { name: change.passwordSecret });
    // The operator refuses a role with both; see Cluster and DatabaseRole validation.
    if (spec.disablePassword !== undefined) steps.push({ op: 'remove', path: `${path}/disablePassword` });
  }
  return steps;
}

/** The entry of a role in `spec.managed.roles`, with the JSON pointer to it. */
export function findEntry(cluster: Cluster, name: string): { spec: RoleSpec; path: string } | undefined {
  const index = (cluster.spec.managed?.roles ?? []).findIndex((role) => role.name === name);
  const spec = cluster.spec.managed?.roles?.[index];
  return spec && { spec, path: `/spec/managed/roles/${index}` };
}

/** Steps that add an entry. Nothing to do when it is there as wanted; `already_exists` when it is there otherwise. */
export function addEntry(cluster: Cluster, role: RoleSpec): JsonPatchStep[] {
  const existing = findEntry(cluster, role.name)?.spec;
  if (existing && existing.ensure !== 'absent' && existing.passwordSecret?.name === role.passwordSecret?.name)
    return [];
  if (existing) {
    throw new ToolError(
      'already_exists',
      `Somebody else has just declared the role ${role.name} in spec.managed.roles.`,
    );
  }
  return appendEntry(cluster, role);
}

/** Steps that append an entry, whatever part of the list is there already. */
export function appendEntry(cluster: Cluster, role: RoleSpec): JsonPatchStep[] {
  const { managed } = cluster.spec;
  if (!managed) return [{ op: 'add', path: '/spec/managed', value: { roles: [role] } }];
  if (!managed.roles) return [{ op: 'add', path: '/spec/managed/roles', value: [role] }];
  return [{ op: 'add', path: '/spec/managed/roles/-', value: role }];
}

/** Steps that change one entry. `conflict` when it is gone. */
export function changeEntry(cluster: Cluster, name: string, change: RoleChange): JsonPatchStep[] {
  const entry = findEntry(cluster, name);
  if (!entry) {
    throw new ToolError(
      'conflict',
      `Somebody else has just taken the role ${name} out of spec.managed.roles.`,
    );
  }
  const steps = changeSteps(entry.path, entry.spec, change);
  return steps.length === 0 ? [] : [{ op: 'test', path: `${entry.path}/name`, value: name }, ...steps];
}

/** Steps that remove the entries that match, each tested by its name; the last first, so that the indices stay true. */
export function removeEntries(cluster: Cluster, matches: (role: RoleSpec) => boolean): JsonPatchStep[] {
  return (cluster.spec.managed?.roles ?? [])
    .map((role, index) => ({ role, path: `/spec/managed/roles/${index}` }))
    .filter(({ role }) => matches(role))
    .reverse()
    .flatMap(({ role, path }): JsonPatchStep[] => [
      { op: 'test', path: `${path}/name`, value: role.name },
      { op: 'remove', path },
    ]);
}
