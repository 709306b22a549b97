/** The kinds around a Cluster: Backup, ScheduledBackup, Pooler, image catalogs, FailoverQuorum. */

import {
  backupFields,
  choice,
  flag,
  immutable,
  integer,
  kind,
  list,
  map,
  named,
  object,
  open,
  openList,
  rule,
  text,
  texts,
  time,
} from './build.ts';
import type { Schema } from './schema.ts';

const clusterName = (fixed: boolean): Schema =>
  object(
    { name: text() },
    {
      required: ['name'],
      ...(fixed ? { rules: [immutable('cluster reference is immutable after creation')] } : {}),
    },
  );

export const backupSchema = (): Schema =>
  kind(
    object(
      { cluster: clusterName(false), ...backupFields() },
      {
        required: ['cluster'],
        rules: [{ ...immutable('BackupSpec is immutable once set'), rule: 'oldSelf == self' }],
      },
    ),
    object({
      backupId: text(),
      backupLabelFile: text(),
      backupName: text(),
      beginLSN: text(),
      beginWal: text(),
      commandError: text(),
      commandOutput: text(),
      destinationPath: text(),
      encryption: text(),
      endLSN: text(),
      endWal: text(),
      endpointCA: open(),
      endpointURL: text(),
      error: text(),
      azureCredentials: open(),
      googleCredentials: open(),
      s3Credentials: open(),
      instanceID: object({ ContainerID: text(), podName: text(), sessionID: text() }),
      majorVersion: integer(),
      method: text(),
      online: flag(),
      phase: text(),
      pluginMetadata: map(),
      reconciliationStartedAt: time(),
      reconciliationTerminatedAt: time(),
      serverName: text(),
      snapshotBackupStatus: object({
        elements: list(
          object({ name: text(), type: text(), tablespaceName: text() }, { required: ['name', 'type'] }),
        ),
      }),
      startedAt: time(),
      stoppedAt: time(),
      tablespaceMapFile: text(),
    }),
  );

/** `fixedCluster`: whether `spec.cluster` is immutable (1.30 and later). */
export const scheduledBackupSchema = (fixedCluster: boolean): Schema =>
  kind(
    object(
      {
        cluster: clusterName(fixedCluster),
        schedule: text(),
        suspend: flag(),
        immediate: flag(),
        backupOwnerReference: choice(['none', 'self', 'cluster'], 'none'),
        ...backupFields(),
      },
      { required: ['cluster', 'schedule'] },
    ),
    object({ error: text(), lastCheckTime: time(), lastScheduleTime: time(), nextScheduleTime: time() }),
  );

const secretVersion = (): Schema => object({ name: text(), version: text() });

const poolerCatalog = (): Schema =>
  object(
    {
      apiGroup: text(),
      kind: text(),
      name: text(),
      key: text({ maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }),
    },
    {
      required: ['key', 'kind', 'name'],
      atomic: true,
      rules: [
        rule(
          "self.kind == 'ImageCatalog' || self.kind == 'ClusterImageCatalog'",
          'Only ImageCatalog and ClusterImageCatalog are supported',
          (self) => ['ImageCatalog', 'ClusterImageCatalog'].includes(self.kind),
        ),
        rule(
          "self.apiGroup == 'postgresql.cnpg.io'",
          'apiGroup must be postgresql.cnpg.io',
          (self) => self.apiGroup === 'postgresql.cnpg.io',
        ),
      ],
    },
  );

/** `recent`: with what came with operator 1.30 (image catalogs, phase and its reason). */
export const poolerSchema = (recent: boolean): Schema =>
  kind(
    object(
      {
        cluster: clusterName(recent),
        deploymentStrategy: open(),
        instances: integer({ default: 1 }),
        monitoring: object({
          enablePodMonitor: flag(false),
          podMonitorMetricRelabelings: openList(),
          podMonitorRelabelings: openList(),
          tls: object({ enabled: flag(false) }),
        }),
        pgbouncer: object(
          {
            authQuery: text(),
            authQuerySecret: named(),
            clientCASecret: named(),
            clientTLSSecret: named(),
            image: text(),
            ...(recent ? { imageCatalogRef: poolerCatalog() } : {}),
            parameters: map(),
            paused: flag(false),
            pg_hba: texts(),
            poolMode: choice(['session', 'transaction'], 'session'),
            serverCASecret: named(),
            serverTLSSecret: named(),
          },
          recent
            ? {
                rules: [
                  rule(
                    '!(has(self.image) && has(self.imageCatalogRef))',
                    'image and imageCatalogRef are mutually exclusive',
                    (self) => self.image === undefined || self.imageCatalogRef === undefined,
                  ),
                ],
              }
            : {},
        ),
        serviceAccountName: text({
          maxLength: 253,
          pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
          rules: [immutable('serviceAccountName is immutable')],
        }),
        serviceTemplate: open(),
        template: object({ metadata: open(), spec: open({ required: ['containers'] }) }),
        type: choice(['rw', 'ro', 'r'], 'rw'),
      },
      { required: ['cluster', 'pgbouncer'] },
    ),
    object({
      instances: integer(),
      error: text(),
      secrets: object({
        clientCA: secretVersion(),
        clientTLS: secretVersion(),
        pgBouncerSecrets: object({ authQuery: secretVersion() }),
        serverCA: secretVersion(),
        serverTLS: secretVersion(),
      }),
      ...(recent
        ? { image: text(), phase: choice(['active', 'paused', 'inactive', 'failed']), phaseReason: text() }
        : {}),
    }),
  );

/** `components`: with the images of other programs, PgBouncer's (1.30 and later). */
export const imageCatalogSchema = (components: boolean): Schema =>
  kind(
    object(
      {
        images: list(
          object(
            {
              major: integer({ minimum: 10 }),
              image: text(),
              extensions: list(open({ required: ['name'] }), { listKeys: ['name'] }),
            },
            { required: ['image', 'major'] },
          ),
          {
            minItems: 1,
            maxItems: 8,
            rules: [
              rule(
                'self.all(e, self.filter(f, f.major==e.major).size() == 1)',
                'Images must have unique major versions',
                (self: { major: number }[]) => new Set(self.map(({ major }) => major)).size === self.length,
              ),
            ],
          },
        ),
        ...(components
          ? {
              componentImages: list(
                object(
                  { key: text({ maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' }), image: text() },
                  { required: ['image', 'key'] },
                ),
                { maxItems: 32, listKeys: ['key'] },
              ),
            }
          : {}),
      },
      { required: ['images'] },
    ),
    undefined,
  );

export const failoverQuorumSchema = (): Schema =>
  kind(
    undefined,
    object({ method: text(), primary: text(), standbyNames: texts(), standbyNumber: integer() }),
  );

/** ObjectStore, of the Barman Cloud plugin. */
export const objectStoreSchema = (): Schema =>
  kind(
    object(
      {
        configuration: open({ required: ['destinationPath'] }),
        retentionPolicy: text({ pattern: '^[1-9][0-9]*[dwm]$' }),
        instanceSidecarConfiguration: open(),
      },
      { required: ['configuration'] },
    ),
    object({
      serverRecoveryWindow: map(
        object({
          firstRecoverabilityPoint: time(),
          lastSuccessfulBackupTime: time(),
          lastFailedBackupTime: time(),
        }),
      ),
    }),
  );
