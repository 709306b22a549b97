/** Database, Publication and Subscription objects. */

import { releaseFinalizer } from '../api/deletes.ts';
import type { Fields, KubeObject } from '../types.ts';
import { PostgresError } from './postgres.ts';
import type { Waits } from './queue.ts';
import { hasReadyPrimary } from './roles.ts';
import type { Place, World } from './world.ts';

/** Seconds until a change is looked at, and a failure again. */
const takes = { look: 0.5, retry: 30 };

/** An extension with this text in its name is not available. */
const missingExtension = 'does-not-exist';

interface Declared {
  resource: 'databases' | 'publications' | 'subscriptions';
  finalizer: string;
  /** Does what the object asks for; throws a PostgresError. Returns further fields of its status. */
  apply(world: World, cluster: Place, object: KubeObject): Fields;
  /** Undoes it when the object is deleted. */
  drop(world: World, cluster: Place, object: KubeObject): void;
  /** The name in PostgreSQL that only one object may claim. */
  claims(object: KubeObject): string;
}

function itemOutcomes(items: Fields[] | undefined, what: string): { list: Fields[]; failed: boolean } {
  const list = (items ?? []).map(({ name }) =>
    what === 'extension' && String(name).includes(missingExtension)
      ? {
          name,
          applied: false,
          message: `while creating extension "${name}": ERROR: extension "${name}" is not available (SQLSTATE 0A000)`,
        }
      : { name, applied: true },
  );
  return { list, failed: list.some(({ applied }) => !applied) };
}

function applyDatabase(world: World, { namespace, name: cluster }: Place, object: KubeObject): Fields {
  const spec: Fields = object.spec ?? {};
  if (spec.ensure === 'absent') {
    world.postgres.dropDatabase(namespace, cluster, spec.name);
    return {};
  }
  const present = (items: Fields[] | undefined) =>
    (items ?? []).filter(({ ensure }) => ensure !== 'absent').map(({ name }) => String(name));
  const exists = world.postgres.database(namespace, cluster, spec.name) !== undefined;
  try {
    world.postgres.createDatabase(namespace, cluster, {
      name: spec.name,
      owner: spec.owner,
      schemas: present(spec.schemas),
      extensions: present(spec.extensions).filter((extension) => !extension.includes(missingExtension)),
    });
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    const what = exists
      ? `altering database "${spec.name}" owner to ${spec.owner}`
      : `creating database "${spec.name}"`;
    throw new Error(`while ${what}: ${error.message}`);
  }
  const status: Fields = {};
  let failed = false;
  for (const [list, what] of [
    ['schemas', 'schema'],
    ['extensions', 'extension'],
    ['fdws', 'fdw'],
    ['servers', 'server'],
  ] as const) {
    const outcomes = itemOutcomes(spec[list], what);
    if (outcomes.list.length > 0) status[list] = outcomes.list;
    failed ||= outcomes.failed;
  }
  if (failed) throw Object.assign(new Error('database object reconciliation failed'), { status });
  return status;
}

function requireDatabase(world: World, { namespace, name }: Place, object: KubeObject): Fields {
  const { dbname } = object.spec ?? {};
  if (world.postgres.database(namespace, name, dbname) === undefined) {
    throw new Error(
      `while connecting to database ${dbname}: FATAL: database "${dbname}" does not exist (SQLSTATE 3D000)`,
    );
  }
  return {};
}

function nothing(): void {}

const declared: Declared[] = [
  {
    resource: 'databases',
    finalizer: 'cnpg.io/deleteDatabase',
    apply: applyDatabase,
    drop: (world, { namespace, name }, { spec }) => {
      if (spec?.databaseReclaimPolicy === 'delete') world.postgres.dropDatabase(namespace, name, spec.name);
    },
    claims: ({ spec }) => spec?.name,
  },
  {
    resource: 'publications',
    finalizer: 'cnpg.io/deletePublication',
    apply: requireDatabase,
    drop: nothing,
    claims: ({ spec }) => `${spec?.dbname}/${spec?.name}`,
  },
  {
    resource: 'subscriptions',
    finalizer: 'cnpg.io/deleteSubscription',
    apply: requireDatabase,
    drop: nothing,
    claims: ({ spec }) => `${spec?.dbname}/${spec?.name}`,
  },
];

/** One step of one Database, Publication or Subscription. */
export function reconcileDeclared(
  world: World,
  waits: Waits,
  resource: string,
  place: Place,
): number | undefined {
  const kind = declared.find((each) => each.resource === resource);
  if (kind === undefined) return undefined;
  const key = `${resource}/${place.namespace}/${place.name}`;
  const object = world.get(resource, place.namespace, place.name);
  if (object === undefined) {
    waits.forget(key);
    return undefined;
  }
  const owner = { namespace: place.namespace, name: (object.spec?.cluster?.name ?? '') as string };
  const cluster = world.get('clusters', owner.namespace, owner.name);
  if (cluster === undefined || !hasReadyPrimary(world, cluster)) return undefined;
  if (object.metadata.deletionTimestamp !== undefined) {
    if ((object.status?.observedGeneration ?? 0) > 0) kind.drop(world, owner, object);
    releaseFinalizer(world.machine, world.machine.resources.named(resource), object, kind.finalizer);
    return undefined;
  }
  if (object.status?.applied === true && object.status?.observedGeneration === object.metadata.generation) {
    return undefined;
  }
  const left = waits.left(key, String(object.metadata.generation), takes.look);
  if (left > 0) return left;
  const rival = rivalOf(world, kind, object);
  if (rival !== undefined) {
    const message = `"${object.spec?.name}" is already managed by object "${rival}"`;
    world.status(resource, place, (status) => Object.assign(status, { applied: false, message }));
    return takes.retry;
  }
  world.update(resource, place, ({ metadata }) => {
    metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), kind.finalizer])];
  });
  try {
    const fields = kind.apply(world, owner, object);
    world.status(resource, place, (status) => {
      delete status.message;
      Object.assign(status, fields, { applied: true, observedGeneration: object.metadata.generation });
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const fields = 'status' in error ? (error.status as Fields) : {};
    world.status(resource, place, (status) =>
      Object.assign(status, fields, { applied: false, message: error.message }),
    );
    return takes.retry;
  }
}

function rivalOf(world: World, kind: Declared, object: KubeObject): string | undefined {
  if ((object.status?.observedGeneration ?? 0) > 0) return undefined;
  return world
    .list(kind.resource, object.metadata.namespace)
    .find(
      (each) =>
        each.metadata.uid !== object.metadata.uid &&
        each.spec?.cluster?.name === object.spec?.cluster?.name &&
        kind.claims(each) === kind.claims(object) &&
        (each.status?.observedGeneration ?? 0) > 0,
    )?.metadata.name;
}
