/** What a simulated cluster starts with: namespaces, nodes, storage classes, the operator's own objects. */

import type { KubeObject } from './types.ts';

const zones = ['zone-a', 'zone-b', 'zone-c'];

/** The nodes that simulated instances run on. */
export const nodeNames = zones.map((_, index) => `node-${index + 1}`);

function namespace(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

function node(name: string, index: number, at: string): KubeObject {
  const zone = zones[index] ?? '';
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'topology.kubernetes.io/region': 'region-1',
        'topology.kubernetes.io/zone': zone,
      },
    },
    spec: {},
    status: {
      capacity: { cpu: '8', memory: '32Gi', pods: '110' },
      allocatable: { cpu: '8', memory: '31Gi', pods: '110' },
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
      ],
      addresses: [{ type: 'InternalIP', address: `192.0.2.${index + 11}` }],
      nodeInfo: { kubeletVersion: 'v1.36.4', architecture: 'amd64', operatingSystem: 'linux' },
    },
  };
}

function storageClass(name: string, expandable: boolean, isDefault: boolean): KubeObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name,
      ...(isDefault ? { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } : {}),
    },
    provisioner: 'simulated.csi.k8s.io',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: expandable,
  };
}

function operatorObjects(version: string, at: string): KubeObject[] {
  const labels = { 'app.kubernetes.io/name': 'cloudnative-pg' };
  const image = `ghcr.io/cloudnative-pg/cloudnative-pg:${version}`;
  const metadata = { namespace: 'cnpg-system', labels };
  const container = { name: 'manager', image };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...metadata, name: 'cnpg-controller-manager' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [container], serviceAccountName: 'cnpg-manager' },
        },
      },
      status: {
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
        conditions: [
          {
            type: 'Available',
            status: 'True',
            reason: 'MinimumReplicasAvailable',
            message: 'Deployment has minimum availability.',
            lastUpdateTime: at,
            lastTransitionTime: at,
          },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name: 'cnpg-controller-manager-6c5b8d9f7b-x7k2p' },
      spec: { containers: [container], nodeName: nodeNames[0], serviceAccountName: 'cnpg-manager' },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at }],
        containerStatuses: [
          { name: 'manager', image, ready: true, restartCount: 0, state: { running: { startedAt: at } } },
        ],
        startTime: at,
      },
    },
  ];
}

/** `at` is the time at which everything has been there. */
export function initialObjects(operatorVersion: string, at: string): KubeObject[] {
  return [
    ...['default', 'kube-system', 'cnpg-system'].map(namespace),
    ...nodeNames.map((name, index) => node(name, index, at)),
    storageClass('standard', true, true),
    storageClass('fixed-size', false, false),
    ...operatorObjects(operatorVersion, at),
  ];
}
