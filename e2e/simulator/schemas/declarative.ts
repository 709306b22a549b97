/** The kinds that describe what is inside PostgreSQL: Database, DatabaseRole, Publication, Subscription. */

import { localeRules } from './bootstrap.ts';
import {
  choice,
  clusterReference,
  conditions,
  flag,
  immutable,
  integer,
  kind,
  list,
  map,
  object,
  roleFields,
  rule,
  text,
  texts,
} from './build.ts';
import type { Schema } from './schema.ts';

const fixed = (field: string): Schema => text({ rules: [immutable(`${field} is immutable`)] });
const ensure = (): Schema => choice(['present', 'absent'], 'present');
const required = (field: string): Schema =>
  text({ rules: [rule("self != ''", `${field} is required`, (self) => self !== '')] });
const options = (): Schema =>
  list(object({ name: text(), value: text(), ensure: ensure() }, { required: ['name', 'value'] }));
const usage = (): Schema =>
  list(
    object({ name: required('name'), type: choice(['grant', 'revoke'], 'grant') }, { required: ['name'] }),
  );

const outcome = (): Record<string, Schema> => ({
  applied: flag(),
  message: text(),
  observedGeneration: integer(),
});
const itemOutcomes = (): Schema =>
  list(object({ name: text(), applied: flag(), message: text() }, { required: ['applied', 'name'] }));

/** `fixedCluster`: whether `spec.cluster` is immutable (1.30 and later). */
export const databaseSchema = (fixedCluster: boolean): Schema =>
  kind(
    object(
      {
        cluster: clusterReference(fixedCluster),
        name: text({
          rules: [
            immutable('name is immutable'),
            ...['postgres', 'template0', 'template1'].map((name) =>
              rule(`self != '${name}'`, `the name ${name} is reserved`, (self) => self !== name),
            ),
          ],
        }),
        owner: text(),
        ensure: ensure(),
        databaseReclaimPolicy: choice(['delete', 'retain'], 'retain'),
        template: fixed('template'),
        encoding: fixed('encoding'),
        locale: fixed('locale'),
        localeProvider: fixed('localeProvider'),
        localeCollate: fixed('localeCollate'),
        localeCType: fixed('localeCType'),
        icuLocale: fixed('icuLocale'),
        icuRules: fixed('icuRules'),
        builtinLocale: fixed('builtinLocale'),
        collationVersion: fixed('collationVersion'),
        isTemplate: flag(),
        allowConnections: flag(),
        connectionLimit: integer(),
        tablespace: text(),
        schemas: list(object({ name: text(), owner: text(), ensure: ensure() }, { required: ['name'] })),
        extensions: list(
          object({ name: text(), version: text(), schema: text(), ensure: ensure() }, { required: ['name'] }),
        ),
        fdws: list(
          object(
            {
              name: text(),
              handler: text(),
              validator: text(),
              owner: text(),
              options: options(),
              usage: usage(),
              ensure: ensure(),
            },
            { required: ['name'] },
          ),
        ),
        servers: list(
          object(
            { name: text(), fdw: required('fdw'), options: options(), usage: usage(), ensure: ensure() },
            { required: ['fdw', 'name'] },
          ),
        ),
      },
      { required: ['cluster', 'name', 'owner'], rules: localeRules },
    ),
    object({
      ...outcome(),
      schemas: itemOutcomes(),
      extensions: itemOutcomes(),
      fdws: itemOutcomes(),
      servers: itemOutcomes(),
    }),
  );

const noLogin = 'clientCertificate requires the role to have login enabled';

/** DatabaseRole, which came with operator 1.30. */
export const databaseRoleSchema = (): Schema =>
  kind(
    object(
      {
        ...roleFields(),
        cluster: clusterReference(true),
        databaseRoleReclaimPolicy: choice(['delete', 'retain'], 'retain'),
        clientCertificate: object({ enabled: flag(true) }),
      },
      {
        required: ['cluster', 'name'],
        rules: [
          rule(
            'self.name == oldSelf.name',
            'name is immutable',
            (self, before) => before === undefined || self.name === before.name,
          ),
          rule(
            "!has(self.ensure) || self.ensure != 'absent'",
            'ensure: absent is not supported for DatabaseRole; delete the resource with databaseRoleReclaimPolicy: delete instead',
            (self) => self.ensure !== 'absent',
          ),
          ...['postgres', 'streaming_replica'].map((name) =>
            rule(`self.name != '${name}'`, `the role name ${name} is reserved`, (self) => self.name !== name),
          ),
          rule(
            "!self.name.startsWith('pg_')",
            'role names starting with pg_ are reserved by PostgreSQL',
            (self) => !self.name.startsWith('pg_'),
          ),
          rule(
            "!self.name.startsWith('cnpg_')",
            'role names starting with cnpg_ are reserved by the operator',
            (self) => !self.name.startsWith('cnpg_'),
          ),
          rule('self.name.size() != 0', 'role name must not be empty', (self) => self.name !== ''),
          rule(
            '!has(self.passwordSecret) || !has(self.disablePassword) || !self.disablePassword',
            'passwordSecret and disablePassword are mutually exclusive',
            (self) => self.passwordSecret === undefined || self.disablePassword !== true,
          ),
          rule(
            '!has(self.clientCertificate) || !self.clientCertificate.enabled || self.login',
            noLogin,
            (self) => self.clientCertificate?.enabled !== true || (self.login ?? 'login'),
          ),
        ],
      },
    ),
    object({
      ...outcome(),
      secretResourceVersion: text(),
      conditions: conditions(),
      clientCertificate: object({ expiration: text(), message: text() }),
    }),
  );

/** `fixedCluster`: whether `spec.cluster` is immutable (1.30 and later). */
export const publicationSchema = (fixedCluster: boolean): Schema =>
  kind(
    object(
      {
        cluster: clusterReference(fixedCluster),
        name: fixed('name'),
        dbname: fixed('dbname'),
        parameters: map(),
        publicationReclaimPolicy: choice(['delete', 'retain'], 'retain'),
        target: object(
          {
            allTables: { type: 'boolean', rules: [immutable('allTables is immutable')] },
            objects: list(
              object(
                {
                  tablesInSchema: text(),
                  table: object(
                    { name: text(), schema: text(), only: flag(), columns: texts() },
                    { required: ['name'] },
                  ),
                },
                {
                  rules: [
                    rule(
                      '(has(self.tablesInSchema) && !has(self.table)) || (!has(self.tablesInSchema) && has(self.table))',
                      'tablesInSchema and table are mutually exclusive',
                      (self) => (self.tablesInSchema === undefined) !== (self.table === undefined),
                    ),
                  ],
                },
              ),
              {
                maxItems: 100_000,
                rules: [
                  rule(
                    '!(self.exists(o, has(o.table) && has(o.table.columns)) && self.exists(o, has(o.tablesInSchema)))',
                    'specifying a column list when the publication also publishes tablesInSchema is not supported',
                    (self: { table?: { columns?: string[] }; tablesInSchema?: string }[]) =>
                      !(
                        self.some(({ table }) => table?.columns !== undefined) &&
                        self.some(({ tablesInSchema }) => tablesInSchema !== undefined)
                      ),
                  ),
                ],
              },
            ),
          },
          {
            rules: [
              rule(
                '(has(self.allTables) && !has(self.objects)) || (!has(self.allTables) && has(self.objects))',
                'allTables and objects are mutually exclusive',
                (self) => (self.allTables === undefined) !== (self.objects === undefined),
              ),
            ],
          },
        ),
      },
      { required: ['cluster', 'dbname', 'name', 'target'] },
    ),
    object(outcome()),
  );

/** `fixedCluster`: whether `spec.cluster` is immutable (1.30 and later). */
export const subscriptionSchema = (fixedCluster: boolean): Schema =>
  kind(
    object(
      {
        cluster: clusterReference(fixedCluster),
        name: fixed('name'),
        dbname: fixed('dbname'),
        externalClusterName: text(),
        publicationName: text(),
        publicationDBName: text(),
        parameters: map(),
        subscriptionReclaimPolicy: choice(['delete', 'retain'], 'retain'),
      },
      { required: ['cluster', 'dbname', 'externalClusterName', 'name', 'publicationName'] },
    ),
    object(outcome()),
  );
