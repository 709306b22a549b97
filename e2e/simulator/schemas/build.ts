/** Short names for building schemas, so that a kind reads like the list of its fields. */

import type { Rule, Schema } from './schema.ts';

type More = Omit<Schema, 'type' | 'properties' | 'items'>;

export const text = (more: More = {}): Schema => ({ type: 'string', ...more });
export const integer = (more: More = {}): Schema => ({ type: 'integer', ...more });
export const flag = (standard?: boolean): Schema => ({
  type: 'boolean',
  ...(standard === undefined ? {} : { default: standard }),
});
export const choice = (values: string[], standard?: string): Schema => ({
  type: 'string',
  enum: values,
  ...(standard === undefined ? {} : { default: standard }),
});
export const time = (): Schema => ({ type: 'string', format: 'date-time' });
export const object = (properties: Record<string, Schema>, more: More = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
export const list = (items: Schema, more: More = {}): Schema => ({ type: 'array', items, ...more });
export const texts = (): Schema => list(text());
export const map = (values: Schema = text()): Schema => ({ type: 'object', additionalProperties: values });
/** An object of Kubernetes' own API, taken as it is. */
export const open = (more: More = {}): Schema => ({ type: 'object', open: true, ...more });
export const openList = (): Schema => list(open());
export const quantity = (): Schema => ({
  intOrString: true,
  pattern:
    '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
});

/** A reference by name. */
export const named = (): Schema => object({ name: text() }, { required: ['name'] });
/** A reference to one key of a Secret or ConfigMap. */
export const keyOf = (): Schema => object({ name: text(), key: text() }, { required: ['key', 'name'] });
export const secretKey = (): Schema =>
  object({ name: text({ default: '' }), key: text(), optional: flag() }, { required: ['key'], atomic: true });

/** A value that never changes once it is set. */
export const immutable = (message: string): Rule => ({
  rule: 'self == oldSelf',
  message,
  holds: (self, before) => before === undefined || JSON.stringify(self) === JSON.stringify(before),
});

export const rule = (text: string, message: string, holds: Rule['holds']): Rule => ({
  rule: text,
  message,
  holds,
});

/** The reference to the Cluster of Database, DatabaseRole, Publication and Subscription. */
export const clusterReference = (fixed: boolean): Schema =>
  object(
    { name: text({ default: '' }) },
    {
      atomic: true,
      ...(fixed ? { rules: [immutable('cluster reference is immutable after creation')] } : {}),
    },
  );

/** The standard list of conditions. */
export const conditions = (): Schema =>
  list(
    object(
      {
        lastTransitionTime: time(),
        message: text({ maxLength: 32_768 }),
        observedGeneration: integer({ minimum: 0 }),
        reason: text({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' }),
        status: choice(['True', 'False', 'Unknown']),
        type: text({ maxLength: 316 }),
      },
      { required: ['lastTransitionTime', 'message', 'reason', 'status', 'type'] },
    ),
  );

/** The attributes of a PostgreSQL role, inline in a Cluster and in a DatabaseRole. */
export const roleFields = (): Record<string, Schema> => ({
  name: text(),
  comment: text(),
  ensure: choice(['present', 'absent'], 'present'),
  passwordSecret: named(),
  connectionLimit: integer({ default: -1 }),
  validUntil: time(),
  inRoles: texts(),
  inherit: flag(true),
  disablePassword: flag(),
  superuser: flag(),
  createdb: flag(),
  createrole: flag(),
  login: flag(),
  replication: flag(),
  bypassrls: flag(),
});

/** The fields that say how a backup is taken, of Backup and ScheduledBackup. */
export const backupFields = (): Record<string, Schema> => ({
  target: choice(['primary', 'prefer-standby']),
  method: choice(['barmanObjectStore', 'volumeSnapshot', 'plugin'], 'barmanObjectStore'),
  pluginConfiguration: object({ name: text(), parameters: map() }, { required: ['name'] }),
  online: flag(),
  onlineConfiguration: object({ waitForArchive: flag(true), immediateCheckpoint: flag() }),
});

/** A whole kind: spec and status inside what every object has. */
export const kind = (spec: Schema | undefined, status: Schema | undefined): Schema =>
  object(
    {
      apiVersion: text(),
      kind: text(),
      metadata: open(),
      ...(spec === undefined ? {} : { spec }),
      ...(status === undefined ? {} : { status }),
    },
    { required: spec === undefined ? ['metadata'] : ['metadata', 'spec'] },
  );
