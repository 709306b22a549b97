/** Scheduler and kubelets: pods get a node, pull their image, run, become ready, and end. */

import { seconds as timestampOf } from '../api/metadata.ts';
import { parseQuantity } from '../quantity.ts';
import type { Fields, KubeObject } from '../types.ts';
import { nodeNames } from '../world.ts';
import { applicationOf } from './cluster-objects.ts';
import { isFenced, isOutOfSpace, isReady } from './instances.ts';
import type { Waits } from './queue.ts';
import { type Place, setCondition, type World } from './world.ts';

/** Seconds that the steps of a pod take. */
const takes = { start: 0.5, ready: 1.5, job: 1.5, backOff: 2, end: 1 };

/** An image reference with this text in it cannot be pulled. */
const missingImage = 'does-not-exist';

/** One step of one pod. Returns after how many simulated seconds to come back. */
export function reconcilePod(world: World, waits: Waits, place: Place): number | undefined {
  const key = `pod/${place.namespace}/${place.name}`;
  const pod = world.get('pods', place.namespace, place.name);
  if (pod === undefined) {
    waits.forget(key);
    return undefined;
  }
  if (pod.metadata.deletionTimestamp !== undefined) return end(world, waits, key, pod);
  if (pod.status?.phase === 'Pending') {
    if (pod.spec?.nodeName === undefined) return schedule(world, pod);
    return start(world, waits, key, pod);
  }
  if (pod.status?.phase === 'Running') return probe(world, waits, key, pod);
  return undefined;
}

function end(world: World, waits: Waits, key: string, pod: KubeObject): number | undefined {
  const left = waits.left(key, 'end', pod.metadata.deletionGracePeriodSeconds === 0 ? 0 : takes.end);
  if (left > 0) return left;
  const { machine } = world;
  if ((pod.metadata.finalizers ?? []).length === 0) {
    machine.store.drop(machine.resources.named('pods'), pod.metadata.namespace, pod.metadata.name);
  }
  return undefined;
}

function schedule(world: World, pod: KubeObject): number | undefined {
  const { namespace = '', name, labels } = pod.metadata;
  const problem = claimProblem(world, pod);
  if (problem !== undefined) {
    world.status('pods', { namespace, name }, (status) => {
      setCondition(status, world.timestamp, 'PodScheduled', 'False', 'Unschedulable', problem);
    });
    const message = `0/${nodeNames.length} nodes are available: ${problem}`;
    world.event(pod, 'Warning', 'FailedScheduling', message, 'default-scheduler');
    return undefined;
  }
  const cluster = labels?.['cnpg.io/cluster'] ?? '';
  const peers = world.list('pods', namespace, { 'cnpg.io/cluster': cluster });
  const load = (node: string) => peers.filter((peer) => peer.spec?.nodeName === node).length;
  const schedulable = nodeNames.filter(
    (each) => world.get('nodes', undefined, each)?.spec?.unschedulable !== true,
  );
  const [node] = schedulable.toSorted((left, right) => load(left) - load(right));
  if (node === undefined) return 5;
  world.update('pods', { namespace, name }, (object) => {
    object.spec = { ...object.spec, nodeName: node };
    object.status ??= {};
    setCondition(object.status, world.timestamp, 'PodScheduled', 'True', '', '');
    object.status.hostIP = world.get('nodes', undefined, node)?.status?.addresses?.[0]?.address;
    object.status.podIP = addressOf(pod);
    object.status.startTime = world.timestamp;
  });
  world.event(
    pod,
    'Normal',
    'Scheduled',
    `Successfully assigned ${namespace}/${name} to ${node}`,
    'default-scheduler',
  );
  return undefined;
}

/** Why the claims of a pod keep it from a node. */
function claimProblem(world: World, pod: KubeObject): string | undefined {
  for (const volume of (pod.spec?.volumes ?? []) as Fields[]) {
    const claimName: string | undefined = volume.persistentVolumeClaim?.claimName;
    if (claimName === undefined) continue;
    const claim = world.get('persistentvolumeclaims', pod.metadata.namespace, claimName);
    if (claim === undefined) return `persistentvolumeclaim "${claimName}" not found`;
    if (claim.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
  }
  return undefined;
}

/** An address from the documentation's range of private ones, the same for the same pod. */
function addressOf(pod: KubeObject): string {
  const digits = Number.parseInt((pod.metadata.uid ?? '0').slice(0, 6), 16) || 0;
  return `10.244.${Math.floor(digits / 256) % 256}.${(digits % 254) + 1}`;
}

function containers(pod: KubeObject): Fields[] {
  return (pod.spec?.containers ?? []) as Fields[];
}

function start(world: World, waits: Waits, key: string, pod: KubeObject): number | undefined {
  const { namespace = '', name } = pod.metadata;
  const bad = containers(pod).find(({ image }) => String(image).includes(missingImage));
  if (bad !== undefined) return failToPull(world, waits, key, pod, bad);
  const left = waits.left(key, 'start', takes.start);
  if (left > 0) return left;
  const isInstance = pod.metadata.labels?.['cnpg.io/podRole'] === 'instance';
  world.status('pods', { namespace, name }, (status) => {
    status.phase = 'Running';
    const at = world.timestamp;
    const inits = (pod.spec?.initContainers ?? []) as Fields[];
    // An init container that restarts always is a sidecar: it keeps running.
    status.initContainerStatuses = inits.map((container) => ({
      ...identity(pod, container),
      ready: true,
      started: container.restartPolicy === 'Always',
      restartCount: 0,
      state:
        container.restartPolicy === 'Always'
          ? { running: { startedAt: at } }
          : { terminated: { exitCode: 0, reason: 'Completed', startedAt: at, finishedAt: at } },
    }));
    status.containerStatuses = containers(pod).map((container) => ({
      ...identity(pod, container),
      ready: false,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: at } },
    }));
    setReadiness(status, at, containers(pod), false);
  });
  for (const container of containers(pod)) {
    world.event(pod, 'Normal', 'Started', `Started container ${container.name}`, 'kubelet');
  }
  if (isInstance) {
    world.log(
      { namespace, name },
      'postgres',
      'info',
      'instance-manager',
      'Starting CloudNativePG Instance Manager',
      {
        version: world.operatorVersion,
      },
    );
    world.log({ namespace, name }, 'postgres', 'info', 'postgres', 'record', {
      record: {
        error_severity: 'LOG',
        sql_state_code: '00000',
        message: 'database system is ready to accept connections',
      },
    });
  }
  return takes.ready;
}

function identity(pod: KubeObject, container: Fields): Fields {
  return {
    name: container.name,
    image: container.image,
    imageID: `${container.image}@sha256:${'0'.repeat(64)}`,
    containerID: `containerd://${(pod.metadata.uid ?? '').replaceAll('-', '')}`,
  };
}

function failToPull(
  world: World,
  waits: Waits,
  key: string,
  pod: KubeObject,
  container: Fields,
): number | undefined {
  const { namespace = '', name } = pod.metadata;
  const { image } = container;
  const waiting = (reason: string, message: string) =>
    world.status('pods', { namespace, name }, (status) => {
      status.containerStatuses = containers(pod).map((each) => ({
        name: each.name,
        image: each.image,
        imageID: '',
        ready: false,
        started: false,
        restartCount: 0,
        state: { waiting: { reason, message } },
      }));
      setReadiness(status, world.timestamp, containers(pod), false);
    });
  const left = waits.left(key, 'pull', takes.backOff);
  const cause = `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
  if (left > 0) {
    waiting('ErrImagePull', cause);
    if (left === takes.backOff) {
      world.event(pod, 'Normal', 'Pulling', `Pulling image "${image}"`, 'kubelet');
      world.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${cause}`, 'kubelet');
      world.event(pod, 'Warning', 'Failed', 'Error: ErrImagePull', 'kubelet');
    }
    return left;
  }
  if (waitingFor(pod) !== 'ImagePullBackOff') {
    waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${cause}`);
    world.event(pod, 'Normal', 'BackOff', `Back-off pulling image "${image}"`, 'kubelet');
    world.event(pod, 'Warning', 'Failed', 'Error: ImagePullBackOff', 'kubelet');
  }
  return undefined;
}

function waitingFor(pod: KubeObject): string | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
}

/** Sets the conditions that follow the readiness of the containers. */
export function setReadiness(status: Fields, at: string, of: Fields[], ready: boolean): void {
  const message = ready ? '' : `containers with unready status: [${of.map(({ name }) => name).join(' ')}]`;
  const reason = ready ? '' : 'ContainersNotReady';
  setCondition(status, at, 'Initialized', 'True', '', '');
  for (const type of ['Ready', 'ContainersReady']) {
    setCondition(status, at, type, ready ? 'True' : 'False', reason, message);
  }
}

function probe(world: World, waits: Waits, key: string, pod: KubeObject): number | undefined {
  const { namespace = '', name, labels, ownerReferences = [] } = pod.metadata;
  if (ownerReferences.some(({ kind }) => kind === 'Job')) return finishJob(world, waits, key, pod);
  const cluster = world.get('clusters', namespace, labels?.['cnpg.io/cluster'] ?? '');
  const isInstance = labels?.['cnpg.io/podRole'] === 'instance' && cluster !== undefined;
  if (isInstance && restartWithSpace(world, pod)) return 0;
  const running = ((pod.status?.containerStatuses ?? []) as Fields[]).every(
    ({ state }) => state?.running !== undefined,
  );
  const fenced = isInstance && isFenced(cluster, name);
  const wanted = running && !fenced && world.postgres.behaviour(namespace, name).ready !== false;
  if (wanted === isReady(pod)) {
    waits.forget(key);
    return undefined;
  }
  const left = wanted ? waits.left(key, 'ready', takes.ready) : 0;
  if (left > 0) return left;
  world.status('pods', { namespace, name }, (status) => {
    for (const each of status.containerStatuses as Fields[])
      each.ready = wanted && each.state?.running !== undefined;
    setReadiness(status, timestampOf(world.machine.now()), containers(pod), wanted);
  });
  if (!wanted && isInstance) {
    const message = 'Readiness probe failed: HTTP probe failed with statuscode: 500';
    world.event(pod, 'Warning', 'Unhealthy', message, 'kubelet');
  }
  return undefined;
}

/** Starts the container again that ended for want of WAL space, once its volume is large enough. */
function restartWithSpace(world: World, pod: KubeObject): boolean {
  const { namespace = '', name } = pod.metadata;
  const { fullBelow } = world.postgres.behaviour(namespace, name);
  if (fullBelow === undefined || !isOutOfSpace(pod)) return false;
  const claim =
    world.get('persistentvolumeclaims', namespace, `${name}-wal`) ??
    world.get('persistentvolumeclaims', namespace, name);
  if (parseQuantity(claim?.status?.capacity?.storage ?? '0') < parseQuantity(fullBelow)) return false;
  world.postgres.behave(namespace, name, {});
  const at = world.timestamp;
  world.status('pods', { namespace, name }, (status) => {
    for (const each of status.containerStatuses as Fields[]) {
      each.restartCount += 1;
      each.state = { running: { startedAt: at } };
      delete each.lastState;
    }
  });
  return true;
}

function finishJob(world: World, waits: Waits, key: string, pod: KubeObject): number | undefined {
  const left = waits.left(key, 'job', takes.job);
  if (left > 0) return left;
  const { namespace = '', name } = pod.metadata;
  const at = world.timestamp;
  const fails = cannotBootstrap(world, pod);
  const ended = fails ? { exitCode: 1, reason: 'Error' } : { exitCode: 0, reason: 'Completed' };
  world.status('pods', { namespace, name }, (status) => {
    status.phase = fails ? 'Failed' : 'Succeeded';
    for (const each of status.containerStatuses as Fields[]) {
      each.ready = false;
      each.state = { terminated: { ...ended, startedAt: at, finishedAt: at } };
    }
  });
  return undefined;
}

/** What nothing checks before the job initdb fails by it (seen with operator 1.30). */
function cannotBootstrap(world: World, { metadata }: KubeObject): boolean {
  if (metadata.labels?.['cnpg.io/jobRole'] !== 'initdb') return false;
  const cluster = world.get('clusters', metadata.namespace, metadata.labels['cnpg.io/cluster'] ?? '');
  if (cluster === undefined) return false;
  const { database = '', owner = '' } = applicationOf(cluster);
  const connections = String(cluster.spec?.postgresql?.parameters?.max_connections ?? '100');
  return !/^\d+$/.test(connections) || database.includes(' ') || owner.startsWith('pg_');
}
