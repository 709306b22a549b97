/** Backup and ScheduledBackup objects. */

import { seconds } from '../api/metadata.ts';
import { parseSchedule, type Schedule } from '../cron.ts';
import type { Fields, KubeObject } from '../types.ts';
import { barmanPluginOf } from './instance-objects.ts';
import { walFile } from './instance-ports.ts';
import { isReady } from './instances.ts';
import type { Waits } from './queue.ts';
import { ownedBy, type Place, setCondition, type World } from './world.ts';

/** Seconds that the steps of a backup take. */
const takes = { start: 0.5, run: 1, copy: 3, retry: 30 };

const recorder = 'cloudnative-pg-backup';
const terminal = ['completed', 'failed'];
const underWay = ['started', 'running', 'finalizing'];

/** Why a cluster cannot be backed up this way: the event's reason, and the message. */
function missingPrerequisite(
  cluster: KubeObject,
  backup: KubeObject,
): [reason: string, message: string] | undefined {
  const { method, pluginConfiguration } = backup.spec ?? {};
  if (cluster.metadata.annotations?.['cnpg.io/hibernation'] === 'on') {
    return ['ClusterIsHibernated', 'cannot backup a hibernated cluster'];
  }
  const plugins = ((cluster.spec?.plugins ?? []) as Fields[]).map(({ name }) => name as string);
  if (method === 'plugin') {
    if (plugins.length === 0) {
      const message = 'cannot proceed with the backup as the cluster has no plugin configured';
      return ['ClusterHasNoBackupExecutorPlugin', message];
    }
    const wanted: string = pluginConfiguration?.name ?? '';
    return plugins.includes(wanted) ? undefined : ['Error', `requested plugin is not available: ${wanted}`];
  }
  if (cluster.spec?.backup === undefined) {
    const message = 'cannot proceed with the backup as the cluster has no backup section';
    return ['ClusterHasBackupConfigured', message];
  }
  if (method === 'barmanObjectStore' && cluster.spec.backup.barmanObjectStore === undefined) {
    return ['ClusterHasNoBarmanSection', 'no barmanObjectStore section defined on the target cluster'];
  }
  return undefined;
}

function fail(world: World, place: Place, backup: KubeObject, cluster: Place, message: string): void {
  const { method } = backup.spec ?? {};
  world.status('backups', place, (status) =>
    Object.assign(status, {
      phase: 'failed',
      error: message,
      method,
      reconciliationTerminatedAt: world.timestamp,
    }),
  );
  world.status('clusters', cluster, (status) => {
    status.lastFailedBackup = world.timestamp;
    setCondition(status, world.timestamp, 'LastBackupSucceeded', 'False', 'LastBackupFailed', message);
  });
}

/** The instance that a backup is taken from: a ready replica if it prefers one, else the primary. */
function targetOf(world: World, cluster: KubeObject, backup: KubeObject): KubeObject | undefined {
  const { namespace, name } = cluster.metadata;
  const primary: string | undefined = cluster.status?.currentPrimary;
  const ready = world
    .list('pods', namespace, { 'cnpg.io/cluster': name, 'cnpg.io/podRole': 'instance' })
    .filter(isReady);
  const preference = backup.spec?.target ?? cluster.spec?.backup?.target ?? 'prefer-standby';
  const replica = ready.find((pod) => pod.metadata.name !== primary);
  if (preference === 'prefer-standby' && replica !== undefined) return replica;
  return ready.find((pod) => pod.metadata.name === primary);
}

/** One step of one Backup. */
export function reconcileBackup(world: World, waits: Waits, place: Place): number | undefined {
  const key = `backup/${place.namespace}/${place.name}`;
  const backup = world.get('backups', place.namespace, place.name);
  if (backup === undefined) {
    waits.forget(key);
    return undefined;
  }
  const phase: string = backup.status?.phase ?? '';
  if (terminal.includes(phase)) return undefined;
  const owner = { namespace: place.namespace, name: (backup.spec?.cluster?.name ?? '') as string };
  const cluster = world.get('clusters', owner.namespace, owner.name);
  const wait = () => {
    world.status('backups', place, (status) => Object.assign(status, { phase: 'pending' }));
    return takes.retry;
  };
  if (cluster === undefined) {
    const message = `Unknown cluster ${owner.name}, will retry in 30 seconds`;
    world.event(backup, 'Warning', 'FindingCluster', message, recorder);
    return wait();
  }
  if (underWay.includes(phase)) return proceed(world, waits, key, place, backup, cluster);
  const missing = missingPrerequisite(cluster, backup);
  if (missing !== undefined) {
    world.event(backup, 'Warning', missing[0], missing[1], recorder);
    fail(world, place, backup, owner, missing[1]);
    return undefined;
  }
  if (isQueued(world, backup)) return wait();
  const target = targetOf(world, cluster, backup);
  if (target === undefined) {
    const message = `Couldn't find target pod ${cluster.status?.targetPrimary ?? ''}, will retry in 30 seconds`;
    world.event(backup, 'Warning', 'FindingPod', message, recorder);
    return wait();
  }
  if (phase !== 'pending') {
    world.status('backups', place, (status) => Object.assign(status, { phase: 'pending' }));
  }
  const left = waits.left(key, 'start', takes.start);
  if (left > 0) return left;
  begin(world, place, backup, cluster, target);
  return takes.run;
}

/** One backup of a cluster runs at a time, the oldest first. */
function isQueued(world: World, backup: KubeObject): boolean {
  const others = world
    .list('backups', backup.metadata.namespace)
    .filter(
      (each) =>
        each.metadata.uid !== backup.metadata.uid &&
        each.spec?.cluster?.name === backup.spec?.cluster?.name &&
        !terminal.includes(each.status?.phase),
    );
  const age = (object: KubeObject) => [object.metadata.creationTimestamp, object.metadata.name].join();
  return others.some((each) => underWay.includes(each.status?.phase) || age(each) < age(backup));
}

function begin(
  world: World,
  place: Place,
  backup: KubeObject,
  cluster: KubeObject,
  target: KubeObject,
): void {
  const method: string = backup.spec?.method;
  world.status('backups', place, (status) =>
    Object.assign(status, {
      phase: 'started',
      method,
      majorVersion: cluster.status?.pgDataImageInfo?.majorVersion,
      reconciliationStartedAt: world.timestamp,
      instanceID: {
        podName: target.metadata.name,
        ContainerID: target.status?.containerStatuses?.[0]?.containerID,
        sessionID: target.metadata.uid,
      },
    }),
  );
  const message = `Starting backup for cluster ${cluster.metadata.name}`;
  world.event(backup, 'Normal', 'Starting', message, recorder);
  const { namespace = '', name } = cluster.metadata;
  world.status('clusters', { namespace, name }, (status) => {
    setCondition(
      status,
      world.timestamp,
      'LastBackupSucceeded',
      'False',
      'BackupStarted',
      'New Backup starting up',
    );
  });
}

function proceed(
  world: World,
  waits: Waits,
  key: string,
  place: Place,
  backup: KubeObject,
  cluster: KubeObject,
): number | undefined {
  const { phase, instanceID } = backup.status ?? {};
  const pod = world.get('pods', place.namespace, instanceID?.podName ?? '');
  const owner = { namespace: place.namespace, name: cluster.metadata.name };
  // A new pod means a new instance manager, and with it the end of the backup.
  if (pod === undefined || pod.metadata.uid !== instanceID?.sessionID) {
    const message = `instance manager was restarted during backup on pod ${instanceID?.podName}`;
    world.event(backup, 'Warning', 'InstanceManagerRestarted', message, recorder);
    fail(world, place, backup, owner, message);
    return undefined;
  }
  const left = waits.left(key, String(phase), phase === 'started' ? takes.run : takes.copy);
  if (left > 0) return left;
  if (phase === 'started') {
    world.status('backups', place, (status) => {
      status.phase = 'running';
      status.startedAt = world.timestamp;
    });
    return takes.copy;
  }
  complete(world, place, backup, cluster);
  return undefined;
}

/** 20261124T042345, the time in the identifiers of barman. */
function compact(time: string): string {
  return time.replace(/[-:Z]/g, '');
}

/** The fields of a completed backup's status. */
export function completedStatus(
  cluster: KubeObject,
  backup: KubeObject,
  startedAt: string,
  stoppedAt: string,
): Fields {
  const { method } = backup.spec ?? {};
  const timeline: number = cluster.status?.timelineID ?? 1;
  const position = 2 ** 28;
  const store: Fields = cluster.spec?.backup?.barmanObjectStore ?? {};
  return {
    phase: 'completed',
    method,
    startedAt,
    stoppedAt,
    backupId: compact(startedAt),
    backupName: `backup-${compact(startedAt).replace('T', '')}`,
    beginLSN: '0/10000028',
    endLSN: '0/10000158',
    beginWal: walFile(timeline, position),
    endWal: walFile(timeline, position),
    majorVersion: cluster.status?.pgDataImageInfo?.majorVersion,
    online: true,
    reconciliationStartedAt: startedAt,
    reconciliationTerminatedAt: stoppedAt,
    ...(method === 'plugin'
      ? {
          pluginMetadata: {
            clusterUID: cluster.metadata.uid,
            displayName: 'BarmanCloudInstance',
            name: backup.spec?.pluginConfiguration?.name,
            pluginName: backup.spec?.pluginConfiguration?.name,
            timeline: String(timeline),
            version: '0.13.0',
          },
        }
      : {
          destinationPath: store.destinationPath,
          endpointURL: store.endpointURL,
          serverName: store.serverName ?? cluster.metadata.name,
        }),
  };
}

function complete(world: World, place: Place, backup: KubeObject, cluster: KubeObject): void {
  const stoppedAt = world.timestamp;
  world.status('backups', place, (status) =>
    Object.assign(status, completedStatus(cluster, backup, status.startedAt ?? stoppedAt, stoppedAt)),
  );
  world.event(backup, 'Normal', 'Completed', 'Backup completed', recorder);
  const owner = { namespace: place.namespace, name: cluster.metadata.name };
  world.status('clusters', owner, (status) => {
    setCondition(
      status,
      stoppedAt,
      'LastBackupSucceeded',
      'True',
      'LastBackupSucceeded',
      'Backup was successful',
    );
    // Only the in-tree method fills these: the plugin has its own place for them.
    if (backup.spec?.method !== 'barmanObjectStore') return;
    status.lastSuccessfulBackup = stoppedAt;
    status.lastSuccessfulBackupByMethod = { barmanObjectStore: stoppedAt };
    status.firstRecoverabilityPoint ??= stoppedAt;
    status.firstRecoverabilityPointByMethod ??= { barmanObjectStore: stoppedAt };
  });
  const { barmanObjectName, serverName = owner.name } = barmanPluginOf(cluster)?.parameters ?? {};
  if (backup.spec?.method !== 'plugin' || barmanObjectName === undefined) return;
  world.status('objectstores', { ...owner, name: barmanObjectName }, (status) => {
    const window: Fields = status.serverRecoveryWindow?.[serverName] ?? {};
    status.serverRecoveryWindow = {
      ...status.serverRecoveryWindow,
      [serverName]: {
        ...window,
        firstRecoverabilityPoint: window.firstRecoverabilityPoint ?? stoppedAt,
        lastSuccessfulBackupTime: stoppedAt,
      },
    };
  });
}

/** The parsed schedule; one that slipped past admission is only reported. */
function scheduleOf(world: World, place: Place, scheduled: KubeObject): Schedule | undefined {
  try {
    return parseSchedule(scheduled.spec?.schedule ?? '');
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    world.status('scheduledbackups', place, (status) => Object.assign(status, { error: message }));
    return undefined;
  }
}

/** One look at one ScheduledBackup. Returns after how many seconds of the clock to look again. */
export function reconcileScheduledBackup(world: World, place: Place): number | undefined {
  const scheduled = world.get('scheduledbackups', place.namespace, place.name);
  if (scheduled === undefined || scheduled.spec?.suspend === true) return undefined;
  const schedule = scheduleOf(world, place, scheduled);
  if (schedule === undefined) return undefined;
  const now = world.machine.now();
  const next = schedule(now);
  const component = 'cloudnative-pg-scheduledbackup';
  if (next === undefined) {
    const message = `No time satisfying the schedule "${scheduled.spec?.schedule}" have been found`;
    world.event(scheduled, 'Warning', 'NoSchedule', message, component);
    return undefined;
  }
  const untilNext = (next.getTime() - now.getTime()) / 1000;
  const last: string | undefined = scheduled.status?.lastCheckTime;
  if (last === undefined && scheduled.spec?.immediate !== true) {
    world.status('scheduledbackups', place, (status) => {
      status.lastCheckTime = world.timestamp;
    });
    world.event(
      scheduled,
      'Normal',
      'BackupSchedule',
      `Scheduled first backup by ${seconds(next)}`,
      component,
    );
    return untilNext;
  }
  const due = last === undefined ? now : schedule(new Date(last));
  if (due === undefined || due > now) return untilNext;
  const children = world.list('backups', place.namespace, { 'cnpg.io/scheduled-backup': place.name });
  // A child that is not over postpones every following run.
  if (children.some((child) => !terminal.includes(child.status?.phase))) return 60;
  createChild(world, place, scheduled, due, last === undefined);
  world.status('scheduledbackups', place, (status) => {
    status.lastCheckTime = world.timestamp;
    status.lastScheduleTime = seconds(due);
    status.nextScheduleTime = seconds(next);
  });
  world.event(scheduled, 'Normal', 'BackupSchedule', `Next backup scheduled by ${seconds(next)}`, component);
  return untilNext;
}

function createChild(
  world: World,
  { namespace, name }: Place,
  scheduled: KubeObject,
  due: Date,
  immediate: boolean,
): void {
  const {
    schedule: _,
    suspend: __,
    immediate: ___,
    backupOwnerReference: owns,
    ...spec
  } = scheduled.spec ?? {};
  const cluster = world.get('clusters', namespace, spec.cluster?.name);
  const owner = owns === 'self' ? scheduled : owns === 'cluster' ? cluster : undefined;
  world.create('backups', {
    metadata: {
      name: `${name}-${compact(seconds(due)).replace('T', '')}`,
      namespace,
      labels: {
        'cnpg.io/cluster': spec.cluster?.name,
        'cnpg.io/immediateBackup': String(immediate),
        'cnpg.io/scheduled-backup': name,
      },
      ...(owner === undefined ? {} : { ownerReferences: ownedBy(owner) }),
    },
    spec,
  });
}
