/** The kinds of CloudNativePG as served resources, for one version of the operator. */

import type { ResourceType } from '../api/resources.ts';
import type { KubeObject } from '../types.ts';
import { clusterSchema } from './cluster.ts';
import { databaseRoleSchema, databaseSchema, publicationSchema, subscriptionSchema } from './declarative.ts';
import {
  backupSchema,
  failoverQuorumSchema,
  imageCatalogSchema,
  objectStoreSchema,
  poolerSchema,
  scheduledBackupSchema,
} from './operations.ts';
import { publish, type Schema } from './schema.ts';

export const cnpgGroup = 'postgresql.cnpg.io';

/** True when an operator version is at least `wanted` ('1.30'). */
export function atLeast(version: string, wanted: string): boolean {
  const numbers = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [major = 0, minor = 0] = numbers(version);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(wanted);
  return major !== wantedMajor ? major > wantedMajor : minor >= wantedMinor;
}

type Columns = NonNullable<ResourceType['columns']>;

const age: Columns[number] = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const column = (name: string, jsonPath: string, type = 'string'): Columns[number] => ({
  name,
  type,
  jsonPath,
});
const outcomeColumns = [
  age,
  column('Cluster', '.spec.cluster.name'),
  column('PG Name', '.spec.name'),
  column('Applied', '.status.applied', 'boolean'),
  column('Message', '.status.message'),
];

function custom(
  kind: string,
  schema: Schema,
  columns: Columns,
  more: Partial<ResourceType> = {},
): ResourceType {
  const singular = kind.toLowerCase();
  return {
    group: cnpgGroup,
    version: 'v1',
    kind,
    singular,
    plural: `${singular}s`,
    namespaced: true,
    subresources: ['status'],
    schema,
    columns,
    counted: true,
    ...more,
  };
}

const replicas = { specReplicasPath: '.spec.instances', statusReplicasPath: '.status.instances' };
const scalable = { subresources: ['status', 'scale'] };

/** All kinds that an operator of this version and its Barman Cloud plugin install. */
export function cnpgResources(operatorVersion: string): ResourceType[] {
  const recent = atLeast(operatorVersion, '1.30');
  const clusterColumns = [
    age,
    column('Instances', '.status.instances', 'integer'),
    column('Ready', '.status.readyInstances', 'integer'),
    column('Status', '.status.phase'),
    column('Primary', '.status.currentPrimary'),
  ];
  const backupColumns = [
    age,
    column('Cluster', '.spec.cluster.name'),
    column('Method', '.spec.method'),
    column('Phase', '.status.phase'),
    column('Error', '.status.error'),
  ];
  const poolerColumns = [age, column('Cluster', '.spec.cluster.name'), column('Type', '.spec.type')];
  return [
    custom('Cluster', clusterSchema(recent), clusterColumns, {
      ...scalable,
      scale: recent ? { ...replicas, labelSelectorPath: '.status.selector' } : replicas,
    }),
    custom('Backup', backupSchema(), backupColumns),
    custom('ScheduledBackup', scheduledBackupSchema(recent), [
      age,
      column('Cluster', '.spec.cluster.name'),
      column('Last Backup', '.status.lastScheduleTime', 'date'),
    ]),
    custom(
      'Pooler',
      poolerSchema(recent),
      recent ? [...poolerColumns, column('Phase', '.status.phase')] : poolerColumns,
      {
        ...scalable,
        scale: replicas,
      },
    ),
    custom('Database', databaseSchema(recent), outcomeColumns),
    ...(recent ? [custom('DatabaseRole', databaseRoleSchema(), outcomeColumns)] : []),
    custom('Publication', publicationSchema(recent), outcomeColumns),
    custom('Subscription', subscriptionSchema(recent), outcomeColumns),
    custom('ImageCatalog', imageCatalogSchema(recent), [age], { subresources: [] }),
    custom('ClusterImageCatalog', imageCatalogSchema(recent), [age], { subresources: [], namespaced: false }),
    custom('FailoverQuorum', failoverQuorumSchema(), []),
    custom('ObjectStore', objectStoreSchema(), [age], { group: 'barmancloud.cnpg.io' }),
  ];
}

/** The CustomResourceDefinition of a served kind. `at` is the time of its conditions. */
export function crdOf(type: ResourceType, at: string): KubeObject {
  const names = {
    plural: type.plural,
    singular: type.singular,
    kind: type.kind,
    listKind: `${type.kind}List`,
  };
  const subresources = {
    ...(type.subresources.includes('status') ? { status: {} } : {}),
    ...(type.scale === undefined ? {} : { scale: type.scale }),
  };
  const condition = (kind: string, reason: string, message: string) => ({
    type: kind,
    status: 'True',
    lastTransitionTime: at,
    reason,
    message,
  });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${type.plural}.${type.group}` },
    spec: {
      group: type.group,
      names,
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      conversion: { strategy: 'None' },
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: publish(type.schema ?? {}) },
          ...(Object.keys(subresources).length === 0 ? {} : { subresources }),
          ...((type.columns ?? []).length === 0 ? {} : { additionalPrinterColumns: type.columns }),
        },
      ],
    },
    status: {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: names,
      storedVersions: [type.version],
    },
  };
}
