/** The kind Cluster: its specification, as the CRD of the operator describes it. */

import { bootstrap } from './bootstrap.ts';
import {
  choice,
  flag,
  immutable,
  integer,
  keyOf,
  kind,
  list,
  map,
  named,
  object,
  open,
  openList,
  quantity,
  roleFields,
  rule,
  secretKey,
  text,
  texts,
} from './build.ts';
import { clusterStatus } from './cluster-status.ts';
import type { Schema } from './schema.ts';

const storage = (): Schema =>
  object({ storageClass: text(), size: text(), resizeInUseVolumes: flag(true), pvcTemplate: open() });

const probe = (more: Record<string, Schema>): Schema =>
  object({
    failureThreshold: integer(),
    initialDelaySeconds: integer(),
    periodSeconds: integer(),
    successThreshold: integer(),
    timeoutSeconds: integer(),
    terminationGracePeriodSeconds: integer(),
    ...more,
  });

const readinessStrategy = (): Record<string, Schema> => ({
  type: choice(['pg_isready', 'streaming', 'query']),
  maximumLag: quantity(),
});

const barman = (): Schema => open({ required: ['destinationPath'] });
const plugin = (): Schema =>
  object(
    { name: text(), enabled: flag(true), isWALArchiver: flag(false), parameters: map() },
    { required: ['name'] },
  );
const postgresql = (): Schema =>
  object({
    parameters: map(),
    pg_hba: texts(),
    pg_ident: texts(),
    shared_preload_libraries: texts(),
    enableAlterSystem: flag(),
    promotionTimeout: integer(),
    ldap: open(),
    synchronous: object(
      {
        method: choice(['any', 'first']),
        number: integer({
          rules: [
            rule(
              'self > 0',
              'The number of synchronous replicas should be greater than zero',
              (self) => self > 0,
            ),
          ],
        }),
        maxStandbyNamesFromCluster: integer(),
        standbyNamesPre: texts(),
        standbyNamesPost: texts(),
        dataDurability: choice(['required', 'preferred']),
        failoverQuorum: flag(),
      },
      {
        required: ['method', 'number'],
        rules: [
          rule(
            "self.dataDurability!='preferred' || ((!has(self.standbyNamesPre) || self.standbyNamesPre.size()==0) && (!has(self.standbyNamesPost) || self.standbyNamesPost.size()==0))",
            "dataDurability set to 'preferred' requires empty 'standbyNamesPre' and empty 'standbyNamesPost'",
            (self) =>
              self.dataDurability !== 'preferred' ||
              [...(self.standbyNamesPre ?? []), ...(self.standbyNamesPost ?? [])].length === 0,
          ),
        ],
      },
    ),
    syncReplicaElectionConstraint: object(
      { enabled: flag(), nodeLabelsAntiAffinity: texts() },
      { required: ['enabled'] },
    ),
    extensions: list(open({ required: ['name'] }), { listKeys: ['name'] }),
  });

const managed = (): Schema =>
  object({
    roles: list(object(roleFields(), { required: ['name'] })),
    services: object({
      disabledDefaultServices: list(choice(['rw', 'r', 'ro'])),
      additional: list(
        object(
          {
            selectorType: choice(['rw', 'r', 'ro']),
            updateStrategy: choice(['patch', 'replace'], 'patch'),
            serviceTemplate: open(),
          },
          { required: ['selectorType', 'serviceTemplate'] },
        ),
      ),
    }),
  });

const backup = (): Schema =>
  object({
    target: choice(['primary', 'prefer-standby'], 'prefer-standby'),
    retentionPolicy: text({ pattern: '^[1-9][0-9]*[dwm]$' }),
    barmanObjectStore: barman(),
    volumeSnapshot: object({
      annotations: map(),
      labels: map(),
      className: text(),
      walClassName: text(),
      tablespaceClassName: map(),
      online: flag(true),
      onlineConfiguration: object(
        { immediateCheckpoint: flag(), waitForArchive: flag(true) },
        { default: { immediateCheckpoint: false, waitForArchive: true } },
      ),
      snapshotOwnerReference: choice(['none', 'cluster', 'backup'], 'none'),
    }),
  });

const replicationSlots = (): Schema =>
  object(
    {
      highAvailability: object(
        {
          enabled: flag(true),
          slotPrefix: text({ pattern: '^[0-9a-z_]*$', default: '_cnpg_' }),
          synchronizeLogicalDecoding: flag(),
        },
        { default: { enabled: true } },
      ),
      synchronizeReplicas: object(
        { enabled: flag(true), excludePatterns: texts() },
        { required: ['enabled'] },
      ),
      updateInterval: integer({ minimum: 1, default: 30 }),
    },
    { default: { highAvailability: { enabled: true } } },
  );

const catalogRules = [
  rule(
    "self.kind == 'ImageCatalog' || self.kind == 'ClusterImageCatalog'",
    'Only image catalogs are supported',
    (self) => ['ImageCatalog', 'ClusterImageCatalog'].includes(self.kind),
  ),
  rule(
    "self.apiGroup == 'postgresql.cnpg.io'",
    'Only image catalogs are supported',
    (self) => self.apiGroup === 'postgresql.cnpg.io',
  ),
];

const externalCluster = (): Schema =>
  object(
    {
      name: text(),
      connectionParameters: map(),
      password: secretKey(),
      sslCert: secretKey(),
      sslKey: secretKey(),
      sslRootCert: secretKey(),
      barmanObjectStore: barman(),
      plugin: plugin(),
    },
    { required: ['name'] },
  );

const lease = (): Schema =>
  object({
    leaseDurationSeconds: integer({ minimum: 1, default: 15 }),
    renewDeadlineSeconds: integer({ minimum: 1, default: 10 }),
    retryPeriodSeconds: integer({ minimum: 1, default: 2 }),
    releasedLeaseDurationSeconds: integer({ minimum: 1, default: 1 }),
  });

/** `leases`: whether the operator elects the primary with a Lease (1.30 and later). */
export const clusterSchema = (leases: boolean): Schema =>
  kind(
    object(
      {
        affinity: open(),
        backup: backup(),
        bootstrap: bootstrap(),
        certificates: object({
          clientCASecret: text(),
          replicationTLSSecret: text(),
          serverAltDNSNames: texts(),
          serverCASecret: text(),
          serverTLSSecret: text(),
        }),
        description: text(),
        enablePDB: flag(true),
        enableSuperuserAccess: flag(false),
        env: openList(),
        envFrom: openList(),
        ephemeralVolumeSource: open(),
        ephemeralVolumesSizeLimit: object({ shm: quantity(), temporaryData: quantity() }),
        externalClusters: list(externalCluster()),
        failoverDelay: integer({ default: 0 }),
        imageCatalogRef: object(
          { apiGroup: text(), kind: text(), major: integer(), name: text() },
          { required: ['kind', 'major', 'name'], atomic: true, rules: catalogRules },
        ),
        imageName: text(),
        imagePullPolicy: text(),
        imagePullSecrets: list(named()),
        inheritedMetadata: object({ labels: map(), annotations: map() }),
        instances: integer({ minimum: 1, default: 1 }),
        livenessProbeTimeout: integer(),
        logLevel: choice(['error', 'warning', 'info', 'debug', 'trace'], 'info'),
        managed: managed(),
        maxSyncReplicas: integer({ minimum: 0, default: 0 }),
        minSyncReplicas: integer({ minimum: 0, default: 0 }),
        monitoring: object({
          customQueriesConfigMap: list(keyOf()),
          customQueriesSecret: list(keyOf()),
          disableDefaultQueries: flag(false),
          enablePodMonitor: flag(false),
          metricsQueriesTTL: text(),
          podMonitorMetricRelabelings: openList(),
          podMonitorRelabelings: openList(),
          tls: object({ enabled: flag(false) }),
        }),
        nodeMaintenanceWindow: object({ inProgress: flag(false), reusePVC: flag(true) }),
        plugins: list(plugin()),
        podSecurityContext: open(),
        podSelectorRefs: list(
          object(
            {
              name: text({ minLength: 1, pattern: '^[a-z]([a-z0-9_-]*[a-z0-9])?$' }),
              selector: open({ atomic: true }),
            },
            { required: ['name', 'selector'] },
          ),
          { listKeys: ['name'] },
        ),
        postgresGID: integer({ default: 26 }),
        postgresUID: integer({ default: 26 }),
        postgresql: postgresql(),
        ...(leases ? { primaryLease: lease() } : {}),
        primaryUpdateMethod: choice(['switchover', 'restart'], 'restart'),
        primaryUpdateStrategy: choice(['unsupervised', 'supervised'], 'unsupervised'),
        priorityClassName: text(),
        probes: object({
          liveness: probe({
            isolationCheck: object({
              enabled: flag(true),
              requestTimeout: integer({ default: 1000 }),
              connectionTimeout: integer({ default: 1000 }),
            }),
          }),
          readiness: probe(readinessStrategy()),
          startup: probe(readinessStrategy()),
        }),
        projectedVolumeTemplate: open(),
        replica: object(
          {
            enabled: flag(),
            minApplyDelay: text(),
            primary: text(),
            promotionToken: text(),
            self: text(),
            source: text({ minLength: 1 }),
          },
          { required: ['source'] },
        ),
        replicationSlots: replicationSlots(),
        resources: object({ limits: map(quantity()), requests: map(quantity()), claims: openList() }),
        schedulerName: text(),
        seccompProfile: open({ required: ['type'] }),
        securityContext: open(),
        serviceAccountName: text({
          maxLength: 253,
          pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
          rules: [immutable('serviceAccountName is immutable')],
        }),
        serviceAccountTemplate: object(
          { metadata: object({ annotations: map(), labels: map(), name: text() }) },
          { required: ['metadata'] },
        ),
        smartShutdownTimeout: integer({ default: 180 }),
        startDelay: integer({ default: 3600 }),
        stopDelay: integer({ default: 1800 }),
        storage: storage(),
        superuserSecret: named(),
        switchoverDelay: integer({ default: 3600 }),
        tablespaces: list(
          object(
            { name: text(), owner: object({ name: text() }), storage: storage(), temporary: flag(false) },
            { required: ['name', 'storage'] },
          ),
        ),
        topologySpreadConstraints: openList(),
        walStorage: storage(),
      },
      {
        required: ['instances'],
        rules: [
          rule(
            '!(has(self.imageCatalogRef) && has(self.imageName))',
            'imageName and imageCatalogRef are mutually exclusive',
            (self) => self.imageCatalogRef === undefined || self.imageName === undefined,
          ),
        ],
      },
    ),
    clusterStatus(leases),
  );
