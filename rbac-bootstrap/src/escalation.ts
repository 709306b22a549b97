/**
 * What the caller must hold to write these objects. The API server lets nobody grant a right that they do not have themselves
 * (unless they may `escalate` roles, or `bind` a role that exists), and says so only rule by rule, half-way. Here it is found
 * out before anything is written.
 */
import {
  type Api,
  describeRight,
  ifAllowed,
  kinds,
  type LiveObject,
  type PathRight,
  type Right,
} from './api.ts';
import type { Binding, PolicyRule, RbacObject, Role } from './objects.ts';

/** One reason why an object cannot be written. */
export interface Obstacle {
  /** `Role cnpg-mcp-edit in namespace shop`. */
  object: string;
  /** The rights that are missing, as sentences. */
  lacks: string[];
  /** What would lift it. */
  remedy: string;
}

const rbacGroup = 'rbac.authorization.k8s.io';

/** A rule of a role that somebody else made: it may be about paths instead of resources. */
export type AnyRule = Partial<PolicyRule> & { verbs: string[]; nonResourceURLs?: string[] };

/** Every single right on resources of some rules. */
export function rightsOf(rules: readonly PolicyRule[], namespace?: string): Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((path) => {
        const [resource = '', subresource] = path.split('/');
        return verbs.flatMap((verb) =>
          (resourceNames ?? [undefined]).map((name) => ({
            verb,
            group,
            resource,
            ...(subresource !== undefined && { subresource }),
            ...(name !== undefined && { name }),
            ...(namespace !== undefined && { namespace }),
          })),
        );
      }),
    ),
  );
}

/** The same for rules of any role. */
export function allRightsOf(rules: readonly AnyRule[], namespace?: string): (Right | PathRight)[] {
  return rules.flatMap((rule) => {
    const { verbs, apiGroups = [], resources = [], nonResourceURLs = [], resourceNames } = rule;
    const named = resourceNames && resourceNames.length > 0 ? { resourceNames } : {};
    return [
      ...rightsOf([{ verbs, apiGroups, resources, ...named }], namespace),
      ...nonResourceURLs.flatMap((path) => verbs.map((verb) => ({ verb, path }))),
    ];
  });
}

/** `Role cnpg-mcp-edit in namespace shop`. */
export function describeObject({
  kind,
  metadata: { name, namespace },
}: Pick<RbacObject, 'kind' | 'metadata'>): string {
  return `${kind} ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

/** Everything that stands in the way of writing the objects, asked for with access reviews only. */
export async function findObstacles(api: Api, objects: readonly RbacObject[]): Promise<Obstacle[]> {
  const obstacles: Obstacle[] = [];
  for (const object of objects) {
    const reasons = [await mayWrite(api, object), await mayGive(api, object, objects)].filter(
      (reason) => reason !== undefined,
    );
    if (reasons.length === 0) continue;
    const remedies = reasons.map(({ remedy }) => remedy);
    obstacles.push({
      object: describeObject(object),
      lacks: reasons.flatMap(({ lacks }) => lacks),
      remedy: remedies.join('\n'),
    });
  }
  return obstacles;
}

/** The same for deleting objects that are there. */
export async function obstaclesToDelete(api: Api, objects: readonly LiveObject[]): Promise<Obstacle[]> {
  const rights = objects.map(({ kind, metadata: { name, namespace } }) => ({
    verb: 'delete',
    group: kinds[kind].group,
    resource: kinds[kind].plural,
    name,
    ...(namespace !== undefined && { namespace }),
  }));
  const held = await api.holds(rights);
  return objects.flatMap((object, index) =>
    held[index]
      ? []
      : [
          {
            object: `Deleting ${describeObject(object)}`,
            lacks: [describeRight(rights[index] as Right)],
            remedy: 'Let somebody run this who may delete it.',
          },
        ],
  );
}

type Reason = Omit<Obstacle, 'object'>;

async function missingOf<T extends Right | PathRight>(api: Api, rights: readonly T[]): Promise<T[]> {
  const held = await api.holds(rights);
  return rights.filter((_, index) => !held[index]);
}

async function mayWrite(api: Api, { kind, metadata }: RbacObject): Promise<Reason | undefined> {
  const { group, plural } = kinds[kind];
  const { name, namespace } = metadata;
  const place = namespace === undefined ? {} : { namespace };
  // Applying is a patch, and a creation where there is nothing yet; whether that may have a name does not matter to RBAC.
  const missing = await missingOf(api, [
    { verb: 'get', group, resource: plural, name, ...place },
    { verb: 'patch', group, resource: plural, name, ...place },
    { verb: 'create', group, resource: plural, ...place },
  ]);
  if (missing.length === 0) return undefined;
  return {
    lacks: missing.map(describeRight),
    remedy: 'Let somebody run this who administers these namespaces, or use fewer of them (--namespaces).',
  };
}

/** What the object gives to others, which the caller must have. */
async function mayGive(
  api: Api,
  object: RbacObject,
  objects: readonly RbacObject[],
): Promise<Reason | undefined> {
  if (object.kind === 'ServiceAccount') return undefined;
  return 'rules' in object ? mayGrant(api, object) : mayBind(api, object, objects);
}

async function mayGrant(api: Api, { kind, metadata, rules }: Role): Promise<Reason | undefined> {
  const { name, namespace } = metadata;
  const [escalates] = await api.holds([special('escalate', kind, name, namespace)]);
  if (escalates) return undefined;
  const missing = await missingOf(api, rightsOf(rules, namespace));
  return missing.length === 0 ? undefined : { lacks: missing.map(describeRight), remedy: grantRemedy };
}

async function mayBind(
  api: Api,
  { metadata: { namespace }, roleRef }: Binding,
  objects: readonly RbacObject[],
): Promise<Reason | undefined> {
  const home = roleRef.kind === 'Role' ? namespace : undefined;
  const [binds] = await api.holds([special('bind', roleRef.kind, roleRef.name, namespace)]);
  if (binds) return undefined;
  const own = objects.find(
    (object): object is Role =>
      'rules' in object &&
      object.kind === roleRef.kind &&
      object.metadata.name === roleRef.name &&
      object.metadata.namespace === home,
  );
  const role = own ?? (await ifAllowed(api.get(roleRef.kind, roleRef.name, home)));
  if (!role || !('rules' in role)) {
    return {
      lacks: [describeRight(special('bind', roleRef.kind, roleRef.name, namespace))],
      remedy: `${roleRef.kind} ${roleRef.name} does not exist or cannot be read, so nobody can tell what it grants. Check its name.`,
    };
  }
  const missing = await missingOf(api, allRightsOf(role.rules ?? [], namespace));
  return missing.length === 0 ? undefined : { lacks: missing.map(describeRight), remedy: grantRemedy };
}

function special(
  verb: 'escalate' | 'bind',
  kind: 'Role' | 'ClusterRole',
  name: string,
  namespace?: string,
): Right {
  return {
    verb,
    group: rbacGroup,
    resource: kinds[kind].plural,
    name,
    ...(namespace !== undefined && { namespace }),
  };
}

const grantRemedy =
  'Kubernetes lets nobody grant what they do not have. Let somebody run this who has these rights, or choose a smaller preset or fewer add-ons.';
