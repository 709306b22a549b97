/** How instances come to be: bootstrap, join, pods for the data that is there, and volumes that grow. */

import { micros } from '../api/metadata.ts';
import { parseQuantity } from '../quantity.ts';
import { applicationOf } from './cluster-objects.ts';
import { requestedImage } from './cluster-status.ts';
import {
  bootstrapRole,
  claimNames,
  createClaims,
  createInstanceJob,
  createInstancePod,
} from './instance-objects.ts';
import { phases } from './phases.ts';
import {
  type ClusterView,
  claimsOf,
  hasAllClaims,
  isComplete,
  isTerminating,
  jobRoleOf,
  type Outcome,
  podOf,
} from './view.ts';

const bootstrapEvents: Record<string, string> = {
  initdb: 'Primary instance (initdb)',
  import: 'Primary instance (initdb)',
  pgbasebackup: 'Primary instance (from physical backup)',
  'full-recovery': 'Primary instance (from backup)',
  'snapshot-recovery': 'Primary instance (from volumeSnapshots)',
};

/** The first instance of a new Cluster. */
export function bootstrap(view: ClusterView): Outcome | undefined {
  const { world, place, cluster, instances } = view;
  if (instances.length > 0) return undefined;
  if (cluster.status?.currentPrimary !== undefined) {
    return {
      phase: phases.unrecoverable,
      reason:
        'One or more instances were previously created, but no PersistentVolumeClaims (PVCs) exist. The cluster is in an unrecoverable state. To resolve this, restore the cluster from a recent backup.',
    };
  }
  const source: string | undefined = cluster.spec?.bootstrap?.recovery?.backup?.name;
  if (source !== undefined) {
    const backup = world.get('backups', place.namespace, source);
    if (backup === undefined) {
      world.event(cluster, 'Warning', 'ErrorNoBackup', `Backup object "${source}" is missing`);
    }
    if (backup?.status?.phase !== 'completed') return { again: 60 };
  }
  const instance = `${place.name}-1`;
  const role = bootstrapRole(cluster);
  createClaims(world, cluster, instance);
  createInstanceJob(world, cluster, instance, role, requestedImage(view) ?? '');
  world.event(cluster, 'Normal', 'CreatingInstance', bootstrapEvents[role] ?? '');
  world.status('clusters', place, (status) => {
    status.targetPrimary = instance;
    status.targetPrimaryTimestamp = micros(world.machine.now());
  });
  return { phase: phases.settingUpPrimary, reason: `Creating primary instance ${instance}` };
}

/** Waits for the jobs that make data directories; when one is complete its claims are ready for a pod. */
export function finishJobs(view: ClusterView): Outcome | undefined {
  const { world, place, cluster } = view;
  for (const job of view.jobs) {
    const instance = job.metadata.labels?.['cnpg.io/instanceName'] ?? '';
    if (!isComplete(job)) return {};
    if (podOf(view, instance) !== undefined) {
      world.machine.store.drop(world.machine.resources.named('jobs'), place.namespace, job.metadata.name);
      continue;
    }
    for (const claim of claimsOf(view, instance)) {
      world.update('persistentvolumeclaims', { ...place, name: claim.metadata.name }, (object) => {
        object.metadata.annotations = { ...object.metadata.annotations, 'cnpg.io/pvcStatus': 'ready' };
      });
    }
    if (jobRoleOf(job) !== 'join' && world.postgres.roles(place.namespace, place.name).length === 0) {
      const { database, owner } = applicationOf(cluster);
      world.postgres.initialise(place.namespace, place.name, database, owner);
    }
  }
  return undefined;
}

/** Gives every complete set of claims its pod. */
export function recreatePods(view: ClusterView): Outcome | undefined {
  const { world, cluster } = view;
  const image = requestedImage(view) ?? '';
  let created = false;
  for (const instance of view.instances) {
    if (podOf(view, instance) !== undefined || isTerminating(view, instance)) continue;
    const initialized = claimsOf(view, instance).every(
      ({ metadata }) =>
        metadata.annotations?.['cnpg.io/pvcStatus'] !== 'initializing' ||
        view.jobs.some(
          (job) => job.metadata.labels?.['cnpg.io/instanceName'] === instance && isComplete(job),
        ),
    );
    if (!initialized || !hasAllClaims(view, instance)) continue;
    createInstancePod(world, cluster, instance, image);
    world.postgres.started(view.place.namespace, instance, cluster.spec?.postgresql?.parameters ?? {});
    created = true;
  }
  if (!created) return undefined;
  const { phase } = cluster.status ?? {};
  const keeps =
    phase === phases.restartWithoutSwitchover || phase === phases.upgrading || phase === phases.failover;
  if (keeps) return {};
  return { phase: phases.waitingForInstances, reason: 'Some instances are not yet active. Please wait.' };
}

/** Asks for more storage where the Cluster does, if volumes may be resized in use. */
export function replaceClaims(view: ClusterView): Outcome | undefined {
  const { world, place, cluster } = view;
  for (const instance of view.instances) {
    for (const { name, storage } of claimNames(cluster, instance)) {
      if (storage.size === undefined || storage.resizeInUseVolumes === false) continue;
      const claim = world.get('persistentvolumeclaims', place.namespace, name);
      const asked: string = claim?.spec?.resources?.requests?.storage ?? '0';
      const className: string = claim?.spec?.storageClassName ?? '';
      // The API server refuses the growth of a claim whose class does not allow it.
      if (world.get('storageclasses', undefined, className)?.allowVolumeExpansion !== true) continue;
      if (claim === undefined || parseQuantity(asked) >= parseQuantity(storage.size)) continue;
      world.update('persistentvolumeclaims', { ...place, name }, (object) => {
        object.spec = { ...object.spec, resources: { requests: { storage: storage.size } } };
      });
    }
  }
  return undefined;
}
