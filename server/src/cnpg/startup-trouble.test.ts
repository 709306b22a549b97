import { describe, expect, it } from 'vitest';
import { claimFixture, clusterFixture, podFixture } from './cluster.fixture.ts';
import { findTrouble, nothingStarted, type Surroundings } from './startup-trouble.ts';
import type { ContainerStatus, KubeEvent, PersistentVolumeClaim, Pod, StorageClass } from './types.ts';

const starting = clusterFixture((cluster) => {
  cluster.status = { phase: 'Setting up primary', instances: 1 };
});

const lab: StorageClass = {
  metadata: { name: 'lab', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
};

function pending(storageClassName?: string): PersistentVolumeClaim {
  const claim = claimFixture(1);
  claim.status = { phase: 'Pending' };
  if (storageClassName === undefined) delete claim.spec.storageClassName;
  else claim.spec.storageClassName = storageClassName;
  return claim;
}

const provisioningFailed: KubeEvent = {
  metadata: { name: 'pg-1.18', namespace: 't-roles' },
  type: 'Warning',
  reason: 'ProvisioningFailed',
  message: 'storageclass.storage.k8s.io "gone" not found',
  involvedObject: { kind: 'PersistentVolumeClaim', name: 'pg-1', namespace: 't-roles' },
  lastTimestamp: '2026-11-24T15:44:40Z',
};

function initdbPod(state: ContainerStatus['state'], extra: Partial<ContainerStatus> = {}): Pod {
  return {
    metadata: { name: 'pg-1-initdb-7x2p', namespace: 't-roles', labels: { 'cnpg.io/cluster': 'pg' } },
    status: {
      phase: 'Pending',
      containerStatuses: [{ name: 'initdb', ...(state && { state }), ...extra }],
    },
  };
}

const failing = (role: string): Pod[] =>
  ['a', 'b'].map((suffix) => ({
    metadata: {
      name: `pg-1-${role}-${suffix}`,
      namespace: 't-roles',
      labels: { 'cnpg.io/jobRole': role, 'cnpg.io/instanceName': 'pg-1' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: `pg-1-${role}`, uid: 'u' }],
    },
    status: { phase: 'Failed' },
  }));

const trouble = (around: Surroundings) => findTrouble(starting, around);

describe('findTrouble', () => {
  it('finds nothing wrong with a cluster that is on its way', () => {
    const around = {
      pods: [podFixture(1, { ready: false })],
      claims: [claimFixture(1)],
      storageClasses: [lab],
    };
    expect(trouble(around)).toBeUndefined();
    expect(trouble({})).toBeUndefined();
  });

  it('names a storage class that does not exist, and those that do', () => {
    const found = trouble({ claims: [pending('gone')], storageClasses: [lab], events: [provisioningFailed] });
    expect(found).toMatchObject({
      cause: 'The storage class gone does not exist.',
      remedy: 'Use one of lab, or create gone.',
      quoted: 'storageclass.storage.k8s.io "gone" not found',
    });
  });

  it('names the claim by its event when storage classes may not be read', () => {
    expect(trouble({ claims: [pending('gone')], events: [provisioningFailed] })).toMatchObject({
      cause: 'No volume could be made for the claim pg-1 (storage class gone).',
      quoted: 'storageclass.storage.k8s.io "gone" not found',
    });
  });

  it('says that there is no default storage class', () => {
    const plain: StorageClass = { metadata: { name: 'plain' } };
    expect(trouble({ claims: [pending()], storageClasses: [plain] })?.cause).toBe(
      'No storage class is named, and none is marked as the default.',
    );
    expect(trouble({ claims: [pending()], storageClasses: [plain, lab] })).toBeUndefined();
  });

  it('does not blame a claim that waits for its first consumer', () => {
    expect(trouble({ claims: [pending('lab')], storageClasses: [lab], events: [] })).toBeUndefined();
  });

  it('gives a pull that fails some time, and less when the registry says that there is no such image', () => {
    const pull = (reason: string, message: string) =>
      trouble({ pods: [initdbPod({ waiting: { reason, message } })] });
    const slow = pull('ErrImagePull', 'dial tcp 10.0.0.1:443: i/o timeout');
    const missing = pull('ImagePullBackOff', 'Back-off pulling image "x": ErrImagePull: manifest unknown');
    const malformed = pull('InvalidImageName', 'couldn’t parse image name');
    expect(slow?.cause).toBe('The image of the pod pg-1-initdb-7x2p cannot be pulled (ErrImagePull).');
    expect(slow?.graceSeconds).toBeGreaterThan(missing?.graceSeconds ?? 0);
    expect(malformed?.graceSeconds).toBe(0);
    expect(slow?.id).toBe(missing?.id);
  });

  it('names a claim whose node is chosen and whose provisioner is silent', () => {
    const claim = pending('lab');
    claim.metadata.annotations = { 'volume.kubernetes.io/selected-node': 'node-1' };
    const found = trouble({ claims: [claim], storageClasses: [lab], events: [] });
    expect(found?.cause).toBe('There is no volume yet for the claim pg-1 (storage class lab).');
    expect(found?.graceSeconds).toBe(60);
  });

  it('names a container that cannot be made, for example because a Secret is missing', () => {
    const waiting = { reason: 'CreateContainerConfigError', message: 'secret "gone" not found' };
    expect(trouble({ pods: [initdbPod({ waiting })] })).toMatchObject({
      cause: 'The container initdb of the pod pg-1-initdb-7x2p cannot be made (CreateContainerConfigError).',
      remedy: expect.stringContaining('Secret or ConfigMap'),
      quoted: 'secret "gone" not found',
    });
  });

  it('names a volume that cannot be mounted, as long as nothing of the pod has started', () => {
    const said: KubeEvent = {
      metadata: { name: 'pod.1', namespace: 't-roles' },
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "projected" : secret "gone" not found',
      involvedObject: { kind: 'Pod', name: 'pg-1-initdb-7x2p' },
    };
    const pod = initdbPod({ waiting: { reason: 'PodInitializing' } });
    const scheduled = [{ type: 'PodScheduled', status: 'True' }];
    pod.status = { ...pod.status, conditions: scheduled };
    expect(trouble({ pods: [pod], events: [said] })).toMatchObject({
      cause: 'A volume of the pod pg-1-initdb-7x2p cannot be mounted.',
      quoted: said.message,
    });
    const running = initdbPod({ running: {} });
    running.status = { ...running.status, conditions: scheduled };
    expect(trouble({ pods: [running], events: [said] })).toBeUndefined();
  });

  it('quotes the event on the Cluster while the operator makes nothing, and not later', () => {
    const said: KubeEvent = {
      metadata: { name: 'pg.1', namespace: 't-roles' },
      reason: 'ErrorNoBackup',
      message: 'Backup object "t-roles/gone" is missing',
      involvedObject: { kind: 'Cluster', name: 'pg' },
    };
    expect(trouble({ pods: [], claims: [], events: [said] })?.quoted).toBe(said.message);
    expect(trouble({ pods: [], claims: [claimFixture(1)], events: [said] })).toBeUndefined();
  });

  it('says that a container which ends again and again was killed for its memory', () => {
    const killed = initdbPod(
      { waiting: { reason: 'CrashLoopBackOff' } },
      { restartCount: 2, lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } },
    );
    const found = trouble({ pods: [killed] });
    expect(found?.cause).toContain('needs more memory than it may have');
    expect(found?.remedy).toMatch(/^Raise spec.resources.limits.memory/);
  });

  it('names a job that ends again and again, with the command that shows why', () => {
    const crash = initdbPod({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 2 });
    expect(trouble({ pods: [crash] })?.remedy).toBe(
      'Read its log: kubectl logs pg-1-initdb-7x2p -n t-roles -c initdb --previous',
    );
    const once = initdbPod({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 1 });
    expect(trouble({ pods: [once] })).toBeUndefined();
  });

  it('gives a join longer than an initdb whose pods fail one after the other', () => {
    const initdb = trouble({ pods: failing('initdb') });
    const join = trouble({ pods: failing('join') });
    expect(initdb?.cause).toBe('The job initdb of the instance pg-1 has failed 2 times.');
    expect(join?.cause).toBe('The job join of the instance pg-1 has failed 2 times.');
    expect(initdb?.graceSeconds).toBeLessThan(join?.graceSeconds ?? 0);
  });

  it('names the job that failed also when the operator has given up on it', () => {
    const givenUp = clusterFixture((cluster) => {
      cluster.status = { phase: 'Cluster is unrecoverable and needs manual intervention', instances: 1 };
    });
    expect(findTrouble(givenUp, { pods: failing('initdb') })?.cause).toBe(
      'The job initdb of the instance pg-1 has failed 2 times.',
    );
  });

  it('names a pod for which there is no node', () => {
    const pod = podFixture(1, { ready: false });
    pod.status = {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes are available',
        },
      ],
    };
    expect(trouble({ pods: [pod] })).toMatchObject({
      cause: 'No node can take the pod pg-1.',
      quoted: '0/1 nodes are available',
    });
    expect(trouble({ pods: [pod], claims: [pending('gone')], storageClasses: [lab] })?.cause).toBe(
      'The storage class gone does not exist.',
    );
  });

  it('does not send people for a node when the pod waits for its volume, and nobody may read why', () => {
    const pod = initdbPod(undefined);
    pod.status = {
      phase: 'Pending',
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found',
        },
      ],
    };
    const found = trouble({ pods: [pod], claims: [pending('gone')] });
    expect(found).toMatchObject({
      cause:
        'The pod pg-1-initdb-7x2p waits for a volume, and there is none for the claim pg-1 (storage class gone).',
      quoted: expect.stringContaining('unbound immediate PersistentVolumeClaims'),
    });
    expect(found?.remedy).toContain('kubectl describe pvc pg-1 -n t-roles');
    expect(found?.remedy).not.toContain('node');
    // What the provisioner said is better, where it may be read.
    expect(trouble({ pods: [pod], claims: [pending('gone')], events: [provisioningFailed] })?.cause).toBe(
      'No volume could be made for the claim pg-1 (storage class gone).',
    );
  });

  it('names a quota that forbids the pods', () => {
    const refused: KubeEvent = {
      metadata: { name: 'pg-1-initdb.1' },
      reason: 'FailedCreate',
      message: 'Error creating: pods "pg-1-initdb-x" is forbidden: exceeded quota: none',
      involvedObject: { kind: 'Job', name: 'pg-1-initdb' },
    };
    expect(trouble({ pods: [], events: [refused] })?.cause).toBe(
      'Kubernetes does not allow the pods to be made.',
    );
  });

  it('passes on what the operator reports when it gives up', () => {
    const invalid = clusterFixture((cluster) => {
      cluster.status = { phase: 'Invalid cluster definition', phaseReason: 'spec.instances: too few' };
    });
    expect(findTrouble(invalid, {})).toMatchObject({
      cause: 'The operator reports "Invalid cluster definition".',
      remedy: 'Correct the field that the reason names.',
      quoted: 'spec.instances: too few',
    });
  });
});

describe('nothingStarted', () => {
  it('is claimed only when pods and claims could be read', () => {
    expect(nothingStarted({ pods: [], claims: [] })).toBe(true);
    expect(nothingStarted({ pods: [] })).toBe(false);
    expect(nothingStarted({ pods: [podFixture(1)], claims: [] })).toBe(false);
  });
});
