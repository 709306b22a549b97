/** The status of a Cluster. */

import { conditions, flag, integer, list, map, object, open, text, texts, time } from './build.ts';
import type { Schema } from './schema.ts';

const image = (): Schema =>
  object(
    { image: text(), majorVersion: integer(), extensions: list(open()) },
    { required: ['image', 'majorVersion'] },
  );

const pluginStatus = (): Schema =>
  object(
    {
      name: text(),
      version: text(),
      capabilities: texts(),
      operatorCapabilities: texts(),
      walCapabilities: texts(),
      backupCapabilities: texts(),
      restoreJobHookCapabilities: texts(),
      status: text(),
    },
    { required: ['name', 'version'] },
  );

const secretVersions = (): Schema =>
  object({
    applicationSecretVersion: text(),
    barmanEndpointCA: text(),
    caSecretVersion: text(),
    clientCaSecretVersion: text(),
    externalClusterSecretVersion: map(),
    managedRoleSecretVersion: map(),
    metrics: map(),
    replicationSecretVersion: text(),
    serverCaSecretVersion: text(),
    serverSecretVersion: text(),
    superuserSecretVersion: text(),
  });

/** `recent`: with the fields that came with operator 1.30. */
export const clusterStatus = (recent: boolean): Schema =>
  object({
    availableArchitectures: list(object({ goArch: text(), hash: text() }, { required: ['goArch', 'hash'] })),
    certificates: object({
      clientCASecret: text(),
      expirations: map(),
      replicationTLSSecret: text(),
      serverAltDNSNames: texts(),
      serverCASecret: text(),
      serverTLSSecret: text(),
    }),
    cloudNativePGCommitHash: text(),
    cloudNativePGOperatorHash: text(),
    conditions: conditions(),
    configMapResourceVersion: object({ metrics: map() }),
    currentPrimary: text(),
    currentPrimaryFailingSinceTimestamp: text(),
    currentPrimaryTimestamp: text(),
    danglingPVC: texts(),
    demotionToken: text(),
    firstRecoverabilityPoint: text(),
    firstRecoverabilityPointByMethod: map(time()),
    healthyPVC: texts(),
    image: text(),
    initializingPVC: texts(),
    instanceNames: texts(),
    instances: integer(),
    instancesReportedState: map(object({ ip: text(), isPrimary: flag(), timeLineID: integer() })),
    instancesStatus: map(texts()),
    jobCount: integer(),
    lastFailedBackup: text(),
    lastPromotionToken: text(),
    lastSuccessfulBackup: text(),
    lastSuccessfulBackupByMethod: map(time()),
    latestGeneratedNode: integer(),
    managedRolesStatus: object({
      byStatus: map(texts()),
      cannotReconcile: map(texts()),
      passwordStatus: map(object({ resourceVersion: text(), transactionID: integer() })),
    }),
    onlineUpdateEnabled: flag(),
    pgDataImageInfo: image(),
    phase: text(),
    phaseReason: text(),
    pluginStatus: list(pluginStatus()),
    podSelectorRefs: list(object({ name: text(), ips: texts() }), { listKeys: ['name'] }),
    poolerIntegrations: object({ pgBouncerIntegration: object({ secrets: texts() }) }),
    pvcCount: integer(),
    readService: text(),
    readyInstances: integer(),
    resizingPVC: texts(),
    secretsResourceVersion: secretVersions(),
    switchReplicaClusterStatus: object({ inProgress: flag() }),
    systemID: text(),
    tablespacesStatus: list(object({ name: text(), state: text(), owner: text(), error: text() })),
    targetPgDataImageInfo: image(),
    targetPrimary: text(),
    targetPrimaryTimestamp: text(),
    timelineID: integer(),
    topology: object({ instances: map(map()), nodesUsed: integer(), successfullyExtracted: flag() }),
    unusablePVC: texts(),
    writeService: text(),
    ...(recent ? { operatorCertificateFingerprint: text(), selector: text() } : {}),
  });
