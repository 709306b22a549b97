/**
 * Why a Cluster does not become ready. The operator itself says little: a storage class that does not exist or an image
 * that cannot be pulled leaves the phase "Setting up primary" for ever, and the cause is in volume claims, pods and events.
 */
import type { KubeObject } from '../kube/gateway.ts';
import { failedJob } from './failed-job.ts';
import { killedForMemory } from './memory.ts';
import { phaseKind, phaseRemedy } from './phases.ts';
import { storageClassProblem } from './storage-classes.ts';
import type {
  Cluster,
  ContainerStatus,
  KubeEvent,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from './types.ts';

/** What lies around a Cluster, as far as it may be read; `undefined`: it may not. */
export interface Surroundings {
  pods?: readonly Pod[] | undefined;
  claims?: readonly PersistentVolumeClaim[] | undefined;
  /** Events of the Cluster, its claims, pods and jobs. */
  events?: readonly KubeEvent[] | undefined;
  storageClasses?: readonly StorageClass[] | undefined;
}

export interface Trouble {
  /** Stays the same while the trouble lasts. */
  id: string;
  /** One sentence, without foreign text. */
  cause: string;
  /** What a person can do. */
  remedy: string;
  /** What the kubelet, the provisioner or the operator said. */
  quoted?: string | undefined;
  /** For how many seconds it may still pass by itself. */
  graceSeconds: number;
}

/** The most telling trouble, or `undefined` while nothing is wrong. */
export function findTrouble(cluster: Cluster, around: Surroundings): Trouble | undefined {
  return (
    storageTrouble(around) ??
    imageTrouble(around) ??
    containerTrouble(around) ??
    // A job that has used up its attempts leaves a phase that says no more than that it failed (operator 1.30).
    jobTrouble(around) ??
    phaseTrouble(cluster) ??
    quotaTrouble(around) ??
    crashTrouble(around) ??
    mountTrouble(around) ??
    scheduleTrouble(around) ??
    operatorTrouble(cluster, around)
  );
}

/** True when there is not even an attempt: the operator is away, or a quota stops it (then nothing is reported at all). */
export function nothingStarted(around: Surroundings): boolean {
  return around.pods?.length === 0 && around.claims?.length === 0;
}

function phaseTrouble(cluster: Cluster): Trouble | undefined {
  const { phase, phaseReason } = cluster.status ?? {};
  if (phaseKind(phase) !== 'stuck') return undefined;
  return {
    id: `phase ${phase}`,
    cause: `The operator reports "${phase}".`,
    remedy: phaseRemedy(phase) ?? '',
    quoted: phaseReason,
    // The operator registers this one for every error of a reconciliation, also for those that it repeats with success.
    graceSeconds: phase === 'Unable to create required cluster objects' ? 20 : 3,
  };
}

const checkProvisioning = 'Check that the storage class exists and that its provisioner works and has room.';

/** `the claim orders-1 (storage class fast)`. */
function claimPhrase({ metadata, spec }: PersistentVolumeClaim): string {
  return `the claim ${metadata.name}${spec.storageClassName ? ` (storage class ${spec.storageClassName})` : ''}`;
}

function storageTrouble({ claims = [], events = [], storageClasses }: Surroundings): Trouble | undefined {
  for (const claim of claims.filter(isPending)) {
    const { name } = claim.metadata;
    const asked = claim.spec.storageClassName || undefined;
    const problem = storageClasses && storageClassProblem(asked, storageClasses);
    const said = provisioningEvent(events, claim);
    if (problem) return { id: `class of ${name}`, ...problem, quoted: said?.message, graceSeconds: 3 };
    if (said) {
      return {
        id: `claim ${name}`,
        cause: `No volume could be made for ${claimPhrase(claim)}.`,
        remedy: checkProvisioning,
        quoted: said.message,
        graceSeconds: 15,
      };
    }
    // The scheduler has chosen the node and waits; a provisioner that does not run says nothing (seen with Kubernetes 1.36).
    if (claim.metadata.annotations?.['volume.kubernetes.io/selected-node'] !== undefined) {
      return {
        id: `claim ${name}`,
        cause: `There is no volume yet for ${claimPhrase(claim)}.`,
        remedy: checkProvisioning,
        graceSeconds: 60,
      };
    }
  }
  return undefined;
}

const imageReasons = ['InvalidImageName', 'ErrImageNeverPull', 'ImagePullBackOff', 'ErrImagePull'];

/** What registries and runtimes say about an image that repeating will not bring. */
const hopeless =
  /not found|manifest unknown|name unknown|denied|unauthorized|authorization failed|no such host/i;

function imageTrouble({ pods = [] }: Surroundings): Trouble | undefined {
  for (const pod of pods) {
    const waiting = containersOf(pod)
      .map(({ state }) => state?.waiting)
      .find((state) => state?.reason !== undefined && imageReasons.includes(state.reason));
    if (!waiting) continue;
    const final = waiting.reason === 'InvalidImageName' || waiting.reason === 'ErrImageNeverPull';
    return {
      id: `image of ${pod.metadata.name}`,
      cause: `The image of the pod ${pod.metadata.name} cannot be pulled (${waiting.reason}).`,
      remedy:
        'Check the image name, the version and the credentials of the registry; then change spec.imageName.',
      quoted: waiting.message,
      graceSeconds: final ? 0 : hopeless.test(waiting.message ?? '') ? 3 : 20,
    };
  }
  return undefined;
}

const makeReasons = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

/** A container that cannot even be made, for example because a Secret that bootstrap or `envFrom` names is missing. */
function containerTrouble({ pods = [] }: Surroundings): Trouble | undefined {
  for (const pod of pods) {
    const stopped = containersOf(pod).find(({ state }) => makeReasons.includes(state?.waiting?.reason ?? ''));
    if (!stopped) continue;
    const { reason, message } = stopped.state?.waiting ?? {};
    return {
      id: `container of ${pod.metadata.name}`,
      cause: `The container ${stopped.name} of the pod ${pod.metadata.name} cannot be made (${reason}).`,
      remedy: missingInput,
      quoted: message,
      graceSeconds: 15,
    };
  }
  return undefined;
}

const missingInput =
  'Most often a Secret or ConfigMap that the Cluster names is missing or lacks a key: make it, and the pod goes on by itself.';

/** True when a node has the pod and nothing of it was started yet. */
export function isHeldUp(pod: Pod): boolean {
  const scheduled = pod.status?.conditions?.some(
    ({ type, status }) => type === 'PodScheduled' && status === 'True',
  );
  const begun = containersOf(pod).some(({ state }) => state?.running ?? state?.terminated);
  return isPending(pod) && scheduled === true && !begun;
}

/** A volume that cannot be mounted: one of a Secret that is missing, or a disk that does not come to the node. */
function mountTrouble({ pods = [], events = [] }: Surroundings): Trouble | undefined {
  for (const pod of pods.filter(isHeldUp)) {
    const said = newest(eventsOn('Pod', pod, events, ['FailedMount', 'FailedAttachVolume']));
    if (!said) continue;
    return {
      id: `mount of ${pod.metadata.name}`,
      cause: `A volume of the pod ${pod.metadata.name} cannot be mounted.`,
      remedy: said.reason === 'FailedMount' ? missingInput : 'Look at the storage and at the node.',
      quoted: said.message,
      graceSeconds: 30,
    };
  }
  return undefined;
}

/** The operator has made nothing, and an event on the Cluster says why: a missing backup leaves no phase (operator 1.30). */
function operatorTrouble(cluster: Cluster, around: Surroundings): Trouble | undefined {
  const said = nothingStarted(around) && newest(eventsOn('Cluster', cluster, around.events ?? []));
  return said
    ? {
        id: 'operator',
        cause: 'The operator has made no pod and no volume claim, and has said why in an event.',
        remedy: 'Make what is missing, or correct what names it.',
        quoted: said.message,
        graceSeconds: 20,
      }
    : undefined;
}

/** A job whose pods fail one after the other, for example initdb with a parameter that PostgreSQL does not take. */
function jobTrouble({ pods = [] }: Surroundings): Trouble | undefined {
  const failed = failedJob(pods);
  return (
    failed && {
      id: `job of ${failed.instance}`,
      cause: failed.cause,
      remedy: failed.remedy,
      quoted: failed.quoted,
      // A join or a recovery reads from another server or a store, which may come back; initdb needs nobody.
      graceSeconds: failed.role === 'initdb' ? 5 : 60,
    }
  );
}

/** A container that ends again and again. One restart is normal while certificates and volumes appear. */
function crashTrouble({ pods = [] }: Surroundings): Trouble | undefined {
  for (const pod of pods) {
    const crashing = containersOf(pod).find(
      ({ state, restartCount = 0 }) => state?.waiting?.reason === 'CrashLoopBackOff' && restartCount >= 2,
    );
    if (!crashing) continue;
    const memory = killedForMemory(crashing.lastState?.terminated);
    return {
      id: `crash of ${pod.metadata.name}`,
      cause: `The container ${crashing.name} of the pod ${pod.metadata.name} ends again and again${memory?.cause ?? ''}.`,
      remedy: `${memory ? `${memory.remedy} ` : ''}Read its log: kubectl logs ${pod.metadata.name} -n ${pod.metadata.namespace} -c ${crashing.name} --previous`,
      quoted: crashing.state?.waiting?.message,
      graceSeconds: 30,
    };
  }
  return undefined;
}

/** Jobs that may not make their pod, because a quota or a policy forbids it. */
function quotaTrouble({ events = [] }: Surroundings): Trouble | undefined {
  const refused = events.filter(
    ({ reason, message = '' }) => reason === 'FailedCreate' && /exceeded quota|forbidden/i.test(message),
  );
  const last = newest(refused);
  return (
    last && {
      id: 'quota',
      cause: 'Kubernetes does not allow the pods to be made.',
      remedy:
        'Look at the quotas and limits of the namespace: kubectl describe quota,limitrange -n its name.',
      quoted: last.message,
      graceSeconds: 10,
    }
  );
}

/** What the scheduler says of a pod whose claim must have its volume first, and has none (seen with Kubernetes 1.36). */
const volumeMissing = /unbound immediate PersistentVolumeClaims/;

function scheduleTrouble({ pods = [], claims = [] }: Surroundings): Trouble | undefined {
  for (const pod of pods.filter(isPending)) {
    const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') continue;
    const claim = volumeMissing.test(scheduled.message ?? '') ? claims.find(isPending) : undefined;
    if (claim) {
      const { name, namespace } = claim.metadata;
      return {
        id: `volume of ${name}`,
        cause: `The pod ${pod.metadata.name} waits for a volume, and there is none for ${claimPhrase(claim)}.`,
        // Where events may be read and say why, storageTrouble has told it.
        remedy: `${checkProvisioning} The claim's events say more: kubectl describe pvc ${name} -n ${namespace}`,
        quoted: scheduled.message,
        graceSeconds: 60,
      };
    }
    return {
      id: `schedule of ${pod.metadata.name}`,
      cause: `No node can take the pod ${pod.metadata.name}.`,
      remedy:
        'Add a node or room on one, ask for less (spec.resources, fewer instances), or correct where it may run (spec.affinity); ' +
        'it starts by itself once a node fits.',
      quoted: scheduled.message,
      // An autoscaler needs this long to begin to help.
      graceSeconds: 60,
    };
  }
  return undefined;
}

function isPending({ status }: Pod | PersistentVolumeClaim): boolean {
  return status?.phase === 'Pending';
}

function containersOf(pod: Pod): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** What the provisioner said about this very claim: a claim of this name may have failed before. */
function provisioningEvent(
  events: readonly KubeEvent[],
  claim: PersistentVolumeClaim,
): KubeEvent | undefined {
  return newest(eventsOn('PersistentVolumeClaim', claim, events, ['ProvisioningFailed', 'FailedBinding']));
}

/** Those about this very object. Without `reasons`: whatever they say. */
function eventsOn(
  kind: string,
  { metadata: { name, uid } }: KubeObject,
  events: readonly KubeEvent[],
  reasons?: readonly string[],
): KubeEvent[] {
  return events.filter(
    ({ involvedObject, reason = '' }) =>
      involvedObject?.kind === kind &&
      involvedObject.name === name &&
      (involvedObject.uid === undefined || uid === undefined || involvedObject.uid === uid) &&
      (reasons === undefined || reasons.includes(reason)),
  );
}

function newest(events: readonly KubeEvent[]): KubeEvent | undefined {
  const at = ({ lastTimestamp, eventTime, metadata }: KubeEvent): string =>
    lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
  return events.reduce<KubeEvent | undefined>(
    (best, event) => (best === undefined || at(event) >= at(best) ? event : best),
    undefined,
  );
}
