/** The volume controllers: claims are bound, expanded, and their volumes removed with them. */

import { parseQuantity } from '../quantity.ts';
import type { KubeObject } from '../types.ts';
import type { Waits } from './queue.ts';
import type { Place, World } from './world.ts';

/** Seconds that the steps of a claim take. */
const takes = { bind: 0.3, expand: 1.5 };

const controller = 'persistentvolume-controller';

/** One step of one claim. Returns after how many simulated seconds to come back. */
export function reconcileClaim(world: World, waits: Waits, place: Place): number | undefined {
  const key = `claim/${place.namespace}/${place.name}`;
  const claim = world.get('persistentvolumeclaims', place.namespace, place.name);
  if (claim === undefined) {
    waits.forget(key);
    return undefined;
  }
  const className: string | undefined = claim.spec?.storageClassName;
  const storageClass =
    className === undefined ? undefined : world.get('storageclasses', undefined, className);
  if (claim.status?.phase !== 'Bound') {
    if (storageClass !== undefined) return bind(world, waits, key, claim, storageClass);
    if (className === undefined) {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      world.event(claim, 'Normal', 'FailedBinding', message, controller);
    } else {
      const message = `storageclass.storage.k8s.io "${className}" not found`;
      world.event(claim, 'Warning', 'ProvisioningFailed', message, controller);
    }
    return undefined;
  }
  const wanted = parseQuantity(claim.spec?.resources?.requests?.storage ?? '0');
  const capacity = parseQuantity(claim.status.capacity?.storage ?? '0');
  if (wanted > capacity && storageClass?.allowVolumeExpansion === true)
    return expand(world, waits, key, claim);
  return undefined;
}

function volumeName(claim: KubeObject): string {
  return `pvc-${claim.metadata.uid}`;
}

function bind(
  world: World,
  waits: Waits,
  key: string,
  claim: KubeObject,
  storageClass: KubeObject,
): number | undefined {
  const left = waits.left(key, 'bind', takes.bind);
  if (left > 0) return left;
  const { namespace = '', name, uid } = claim.metadata;
  const { accessModes = ['ReadWriteOnce'], resources, volumeMode = 'Filesystem' } = claim.spec ?? {};
  const capacity = { storage: resources?.requests?.storage };
  const className = storageClass.metadata.name;
  world.create('persistentvolumes', {
    metadata: {
      name: volumeName(claim),
      annotations: { 'pv.kubernetes.io/provisioned-by': storageClass.provisioner },
      finalizers: ['kubernetes.io/pv-protection'],
    },
    spec: {
      accessModes,
      capacity,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: className,
      volumeMode,
      csi: { driver: storageClass.provisioner, volumeHandle: volumeName(claim) },
    },
    status: { phase: 'Bound' },
  });
  world.update('persistentvolumeclaims', { namespace, name }, (object) => {
    object.spec = { ...object.spec, volumeName: volumeName(claim), volumeMode };
    object.status = { phase: 'Bound', accessModes, capacity };
    object.metadata.annotations = {
      ...object.metadata.annotations,
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
      'volume.kubernetes.io/storage-provisioner': storageClass.provisioner,
    };
  });
  const message = `Successfully provisioned volume ${volumeName(claim)}`;
  world.event(claim, 'Normal', 'ProvisioningSucceeded', message, storageClass.provisioner);
  return undefined;
}

function expand(world: World, waits: Waits, key: string, claim: KubeObject): number | undefined {
  const { namespace = '', name } = claim.metadata;
  const size: string = claim.spec?.resources?.requests?.storage;
  const left = waits.left(key, `expand ${size}`, takes.expand);
  world.status('persistentvolumeclaims', { namespace, name }, (status) => {
    if (left > 0) {
      status.conditions ??= [
        {
          type: 'FileSystemResizePending',
          status: 'True',
          lastProbeTime: null,
          lastTransitionTime: world.timestamp,
        },
      ];
    } else {
      status.capacity = { storage: size };
      delete status.conditions;
    }
  });
  if (left > 0) return left;
  world.update('persistentvolumes', { namespace: '', name: volumeName(claim) }, (volume) => {
    volume.spec = { ...volume.spec, capacity: { storage: size } };
  });
  const message = 'MountVolume.NodeExpandVolume succeeded for volume';
  world.event(claim, 'Normal', 'FileSystemResizeSuccessful', message, 'kubelet');
  return undefined;
}

/** Removes the volume of a claim that is gone, unless its reclaim policy keeps it. */
export function releaseVolume(world: World, claim: KubeObject): void {
  const volume = world.get('persistentvolumes', undefined, volumeName(claim));
  if (volume === undefined) return;
  if (volume.spec?.persistentVolumeReclaimPolicy === 'Retain') {
    world.status('persistentvolumes', { namespace: '', name: volumeName(claim) }, (status) => {
      status.phase = 'Released';
    });
    return;
  }
  world.machine.store.drop(world.machine.resources.named('persistentvolumes'), undefined, volumeName(claim));
}
