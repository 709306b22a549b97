/** The status that the operator writes into a Cluster after every look at it. */

import { createHash } from 'node:crypto';
import { majorOf } from '../admission/defaults.ts';
import { parseQuantity } from '../quantity.ts';
import type { Fields, KubeObject } from '../types.ts';
import { barmanPlugin, barmanPluginOf } from './instance-objects.ts';
import { isReady, serialOf } from './instances.ts';
import { phases } from './phases.ts';
import { type ClusterView, claimsOf, hasAllClaims, isComplete, type Outcome, podOf } from './view.ts';
import { type Place, setCondition, type World } from './world.ts';

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The image that a Cluster asks for; undefined while its catalog does not have it. */
export function requestedImage({ world, place, cluster }: ClusterView): string | undefined {
  const reference: Fields | undefined = cluster.spec?.imageCatalogRef;
  if (reference === undefined) return cluster.spec?.imageName;
  const resource = reference.kind === 'ClusterImageCatalog' ? 'clusterimagecatalogs' : 'imagecatalogs';
  const namespace = reference.kind === 'ClusterImageCatalog' ? undefined : place.namespace;
  const catalog = world.get(resource, namespace, reference.name);
  return ((catalog?.spec?.images ?? []) as Fields[]).find(({ major }) => major === reference.major)?.image;
}

function certificates(cluster: KubeObject): Fields {
  const { name, namespace, creationTimestamp = '' } = cluster.metadata;
  const given: Fields = cluster.spec?.certificates ?? {};
  const names = ['rw', 'r', 'ro'].flatMap((suffix) => {
    const service = `${name}-${suffix}`;
    return [
      service,
      `${service}.${namespace}`,
      `${service}.${namespace}.svc`,
      `${service}.${namespace}.svc.cluster.local`,
    ];
  });
  const secrets = {
    clientCASecret: given.clientCASecret ?? `${name}-ca`,
    replicationTLSSecret: given.replicationTLSSecret ?? `${name}-replication`,
    serverCASecret: given.serverCASecret ?? `${name}-ca`,
    serverTLSSecret: given.serverTLSSecret ?? `${name}-server`,
  };
  // Certificates last 90 days; the operator prints their end in Go's default format.
  const end = new Date(Date.parse(creationTimestamp) + 90 * 86_400_000).toISOString();
  const printed = `${end.slice(0, 10)} ${end.slice(11, 19)} +0000 UTC`;
  return {
    ...secrets,
    serverAltDNSNames: names,
    expirations: Object.fromEntries([...new Set(Object.values(secrets))].map((secret) => [secret, printed])),
  };
}

function claimLists(view: ClusterView): Fields {
  const lists: Record<string, string[]> = {};
  const put = (list: string, name: string) => {
    lists[list] = [...(lists[list] ?? []), name];
  };
  for (const instance of view.instances) {
    const hasJob = view.jobs.some(
      (job) => job.metadata.labels?.['cnpg.io/instanceName'] === instance && !isComplete(job),
    );
    for (const claim of claimsOf(view, instance)) {
      const { name, annotations } = claim.metadata;
      const asked = parseQuantity(claim.spec?.resources?.requests?.storage ?? '0');
      const capacity = parseQuantity(claim.status?.capacity?.storage ?? '0');
      if (!hasAllClaims(view, instance)) put('unusablePVC', name);
      else if (annotations?.['cnpg.io/pvcStatus'] === 'initializing' || hasJob) put('initializingPVC', name);
      else if (claim.status?.phase === 'Bound' && asked > capacity) put('resizingPVC', name);
      else if (podOf(view, instance) === undefined) put('danglingPVC', name);
      else put('healthyPVC', name);
    }
  }
  return lists;
}

function topology({ world, pods }: ClusterView): Fields {
  const placed = pods.filter((pod) => pod.spec?.nodeName !== undefined);
  return {
    successfullyExtracted: true,
    nodesUsed: new Set(placed.map((pod) => pod.spec?.nodeName)).size,
    instances: Object.fromEntries(
      placed.map((pod) => {
        const labels = world.get('nodes', undefined, pod.spec?.nodeName)?.metadata.labels ?? {};
        return [pod.metadata.name, { 'kubernetes.io/hostname': labels['kubernetes.io/hostname'] ?? '' }];
      }),
    ),
  };
}

function instanceFields(view: ClusterView): Fields {
  const { pods, cluster, jobs } = view;
  const living = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  const ready = living.filter(isReady).map(({ metadata }) => metadata.name);
  const replicating = living
    .filter((pod) => !isReady(pod) && pod.status?.containerStatuses?.[0]?.state?.running !== undefined)
    .map(({ metadata }) => metadata.name);
  const failed = living
    .map(({ metadata }) => metadata.name)
    .filter((name) => !ready.includes(name) && !replicating.includes(name));
  const reported = living.filter((pod) => pod.status?.podIP !== undefined && isReady(pod));
  const running = jobs.filter((job) => !isComplete(job)).length;
  return {
    instanceNames: view.instances.toSorted((left, right) => serialOf(left) - serialOf(right)),
    instances: view.instances.length,
    // Zero is left out, as the operator's type does.
    readyInstances: ready.length > 0 ? ready.length : undefined,
    instancesStatus: {
      ...(failed.length > 0 ? { failed } : {}),
      ...(ready.length > 0 ? { healthy: ready } : {}),
      ...(replicating.length > 0 ? { replicating } : {}),
    },
    instancesReportedState: Object.fromEntries(
      reported.map((pod) => [
        pod.metadata.name,
        {
          isPrimary: pod.metadata.name === cluster.status?.currentPrimary,
          timeLineID: cluster.status?.timelineID ?? 1,
          ip: pod.status?.podIP,
        },
      ]),
    ),
    jobCount: running > 0 ? running : undefined,
    pvcCount: view.claims.length,
    topology: topology(view),
  };
}

function secretVersions({ world, place, cluster }: ClusterView): Fields {
  const version = (name: string | undefined) =>
    name === undefined ? undefined : world.get('secrets', place.namespace, name)?.metadata.resourceVersion;
  const { name } = cluster.metadata;
  const managed = ((cluster.spec?.managed?.roles ?? []) as Fields[])
    .map(({ passwordSecret }) => passwordSecret?.name as string | undefined)
    .filter((secret) => secret !== undefined);
  return {
    applicationSecretVersion: version(cluster.spec?.bootstrap?.initdb?.secret?.name ?? `${name}-app`),
    clientCaSecretVersion: version(`${name}-ca`),
    replicationSecretVersion: version(`${name}-replication`),
    serverCaSecretVersion: version(`${name}-ca`),
    serverSecretVersion: version(`${name}-server`),
    superuserSecretVersion: version(`${name}-superuser`),
    ...(managed.length === 0
      ? {}
      : {
          managedRoleSecretVersion: Object.fromEntries(
            managed.map((secret) => [secret, version(secret) ?? '']),
          ),
        }),
  };
}

/** Writes a phase and the condition that follows it, nothing else. */
export function writePhase(world: World, place: Place, { phase, reason }: Outcome): void {
  world.status('clusters', place, (status) => {
    Object.assign(status, { phase, phaseReason: reason === '' ? undefined : reason });
    setReady(status, world.timestamp);
  });
}

function setReady(status: Fields, at: string): void {
  if (status.phase === phases.healthy) {
    setCondition(status, at, 'Ready', 'True', 'ClusterIsReady', 'Cluster is Ready');
  } else setCondition(status, at, 'Ready', 'False', 'ClusterIsNotReady', 'Cluster Is Not Ready');
}

/** Writes what was seen and decided into the status. */
export function writeClusterStatus(view: ClusterView, outcome: Outcome): void {
  const { world, place, cluster } = view;
  const { name } = cluster.metadata;
  const image = requestedImage(view);
  const hash = sha256(world.operatorVersion);
  const lists = claimLists(view);
  world.status('clusters', place, (status) => {
    for (const list of ['healthyPVC', 'initializingPVC', 'resizingPVC', 'danglingPVC', 'unusablePVC']) {
      status[list] = lists[list];
    }
    Object.assign(status, instanceFields(view), {
      availableArchitectures: [{ goArch: 'amd64', hash }],
      certificates: certificates(cluster),
      cloudNativePGCommitHash: sha256(`commit ${world.operatorVersion}`).slice(0, 9),
      cloudNativePGOperatorHash: hash,
      configMapResourceVersion: { metrics: { 'cnpg-default-monitoring': '1' } },
      poolerIntegrations: status.poolerIntegrations ?? { pgBouncerIntegration: {} },
      managedRolesStatus: status.managedRolesStatus ?? {},
      switchReplicaClusterStatus: {},
      secretsResourceVersion: secretVersions(view),
      readService: `${name}-r`,
      writeService: `${name}-rw`,
    });
    if (world.recent) {
      status.operatorCertificateFingerprint = sha256('operator certificate');
      status.selector = `cnpg.io/cluster=${name},cnpg.io/podRole=instance`;
    }
    status.pluginStatus =
      barmanPluginOf(cluster) === undefined
        ? undefined
        : [
            {
              name: barmanPlugin,
              version: '0.13.0',
              capabilities: [
                'TYPE_RECONCILER_HOOKS',
                'TYPE_LIFECYCLE_SERVICE',
                'TYPE_INSTANCE_SIDECAR_INJECTION',
              ],
            },
          ];
    if (image !== undefined) {
      status.image = image;
      status.pgDataImageInfo ??= {
        image,
        majorVersion: cluster.spec?.imageCatalogRef?.major ?? majorOf(image),
      };
    }
    if (outcome.phase !== undefined) {
      status.phase = outcome.phase;
      status.phaseReason = outcome.reason === '' ? undefined : outcome.reason;
    }
    conditions(view, status, world.timestamp);
  });
}

function conditions(view: ClusterView, status: Fields, at: string): void {
  const { cluster, world } = view;
  if (world.recent && status.image !== undefined) {
    setCondition(status, at, 'Initialized', 'True', 'BootstrapCompleted', 'Cluster has been bootstrapped');
  }
  const reporting = view.pods.filter(isReady).length > 0;
  if (reporting) {
    const message = 'A single, unique system ID was found across reporting instances.';
    setCondition(status, at, 'ConsistentSystemID', 'True', 'Unique', message);
  } else {
    const message = 'No instances are present in the cluster to report a system ID.';
    setCondition(status, at, 'ConsistentSystemID', 'False', 'NotFound', message);
  }
  const archiving = ((status.conditions ?? []) as Fields[]).some(
    ({ type }) => type === 'ContinuousArchiving',
  );
  const skips = cluster.metadata.annotations?.['cnpg.io/skipWalArchiving'] === 'enabled';
  if (!archiving && !skips && reporting && status.currentPrimary !== undefined) {
    const message = 'Continuous archiving is working';
    setCondition(status, at, 'ContinuousArchiving', 'True', 'ContinuousArchivingSuccess', message);
  }
  setReady(status, at);
}
