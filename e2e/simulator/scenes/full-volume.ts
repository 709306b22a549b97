/** A cluster that is down: the object store refuses its WAL, so WAL piled up until the volume was full. */

import type { Simulator } from '../index.ts';
import { setReadiness } from '../operator/kubelet.ts';
import { settle } from '../operator/operator.ts';
import { type Place, setCondition, type World, worldOf } from '../operator/world.ts';
import type { Fields, KubeObject } from '../types.ts';
import { putHealthyCluster } from './clusters.ts';

const archiveError = 'unexpected failure invoking barman-cloud-wal-archive: exit status 4';
const refused =
  'Barman cloud WAL archive check exception: An error occurred (403) when calling the HeadBucket operation: Forbidden';

/** The object store's key was changed six days ago; since two hours there is no space for WAL any more. */
export function putFullVolume(simulator: Simulator, place: Place, born: Date): void {
  const { namespace, name } = place;
  putHealthyCluster(
    simulator,
    {
      name,
      namespace,
      instances: 1,
      spec: {
        storage: { size: '10Gi' },
        walStorage: { size: '1Gi' },
        bootstrap: { initdb: { database: name, owner: name } },
        backup: {
          target: 'prefer-standby',
          barmanObjectStore: {
            destinationPath: `s3://backups/${name}`,
            s3Credentials: {
              accessKeyId: { name: `${name}-object-store`, key: 'ACCESS_KEY_ID' },
              secretAccessKey: { name: `${name}-object-store`, key: 'ACCESS_SECRET_KEY' },
            },
          },
        },
      },
    },
    born,
  );
  const now = worldOf(simulator).machine.now().getTime();
  stopArchiving(worldOf(simulator, new Date(now - 6 * 86_400_000)), place);
  failBackup(simulator, worldOf(simulator, new Date(now - 30 * 3_600_000)), place);
  fillVolume(simulator, worldOf(simulator, new Date(now - 2 * 3_600_000)), place);
  logRefusals(simulator, place, now);
}

function stopArchiving(world: World, place: Place): void {
  world.status('clusters', place, (status) =>
    setCondition(
      status,
      world.timestamp,
      'ContinuousArchiving',
      'False',
      'ContinuousArchivingFailing',
      archiveError,
    ),
  );
}

function failBackup({ state }: Simulator, world: World, { namespace, name }: Place): void {
  const at = world.timestamp;
  state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Backup',
    metadata: {
      name: `${name}-before-release`,
      namespace,
      labels: { 'cnpg.io/cluster': name },
      creationTimestamp: at,
    },
    spec: { cluster: { name }, method: 'barmanObjectStore' },
    status: {
      phase: 'failed',
      method: 'barmanObjectStore',
      error: "can't execute backup: exit status 4",
      reconciliationStartedAt: at,
      reconciliationTerminatedAt: at,
      instanceID: { podName: `${name}-1` },
    },
  });
  world.status('clusters', { namespace, name }, (status) => {
    status.lastFailedBackup = at;
    setCondition(
      status,
      at,
      'LastBackupSucceeded',
      'False',
      'LastBackupFailed',
      "can't execute backup: exit status 4",
    );
  });
}

function fillVolume(simulator: Simulator, world: World, { namespace, name }: Place): void {
  const { postgres, state } = simulator;
  const instance = `${name}-1`;
  const at = world.timestamp;
  settle(world, () => {
    postgres.behave(namespace, instance, { ready: false, reachable: false, fullBelow: '2Gi' });
    world.status('pods', { namespace, name: instance }, (status) => {
      const terminated = { exitCode: 4, reason: 'Error', startedAt: at, finishedAt: at };
      const message = `back-off 5m0s restarting failed container=postgres pod=${instance}_${namespace}`;
      for (const each of status.containerStatuses as Fields[]) {
        Object.assign(each, {
          ready: false,
          started: false,
          restartCount: 24,
          lastState: { terminated },
          state: { waiting: { reason: 'CrashLoopBackOff', message } },
        });
      }
      setReadiness(status, at, status.containerStatuses, false);
    });
  });
  const pod: KubeObject | undefined = state.get('pods', namespace, instance);
  if (pod === undefined) return;
  const backOff = `Back-off restarting failed container postgres in pod ${instance}_${namespace}(${pod.metadata.uid})`;
  for (let times = 0; times < 24; times += 1) {
    const when = new Date(world.machine.now().getTime() + times * 300_000);
    worldOf(simulator, when).event(pod, 'Warning', 'BackOff', backOff, 'kubelet');
  }
}

function logRefusals(simulator: Simulator, place: Place, now: number): void {
  const pod = { ...place, name: `${place.name}-1` };
  const world = (minutesAgo: number) => worldOf(simulator, new Date(now - minutesAgo * 60_000));
  for (const minutesAgo of [15, 10, 5]) {
    const at = world(minutesAgo);
    at.log(pod, 'postgres', 'info', 'barman-cloud-check-wal-archive', refused, { pipe: 'stderr' });
    at.log(pod, 'postgres', 'error', 'wal-archive', 'Error while calling barman-cloud-wal-archive', {
      error: archiveError,
      walName: 'pg_wal/0000000100000000000000A7',
    });
  }
  const message = 'Detected low-disk space condition, avoid starting the instance';
  world(2).log(pod, 'postgres', 'info', 'instance-manager', message);
  const line = JSON.stringify({
    level: 'info',
    logger: 'instance-manager',
    logging_pod: pod.name,
    msg: message,
  });
  simulator.state.log(pod.namespace, pod.name, [line], { previous: true });
}
