/** The objects around the instances of a Cluster: services, secrets, account, disruption budgets, lease. */

import { randomBytes } from 'node:crypto';
import { majorOf } from '../admission/defaults.ts';
import { micros } from '../api/metadata.ts';
import type { Fields, KubeObject } from '../types.ts';
import { ownedBy, type World } from './world.ts';

const operatorLabel = { 'app.kubernetes.io/managed-by': 'cloudnative-pg' };

/** The labels of everything that belongs to a cluster's database. */
export function databaseLabels(cluster: KubeObject): Record<string, string> {
  const major = cluster.spec?.imageCatalogRef?.major ?? majorOf(cluster.spec?.imageName);
  return {
    ...operatorLabel,
    'app.kubernetes.io/component': 'database',
    'app.kubernetes.io/instance': cluster.metadata.name,
    'app.kubernetes.io/name': 'postgresql',
    'app.kubernetes.io/version': String(major ?? ''),
    'cnpg.io/cluster': cluster.metadata.name,
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A text in the shape of PEM that no program mistakes for a usable key. */
function pem(what: string): string {
  return base64(`-----BEGIN ${what}-----\nsimulated\n-----END ${what}-----\n`);
}

/** The name of the database and its owner that a cluster is bootstrapped with. */
export function applicationOf({ spec }: KubeObject): { database?: string; owner?: string } {
  const { initdb, recovery, pg_basebackup: clone } = spec?.bootstrap ?? {};
  const { database, owner } = initdb ?? recovery ?? clone ?? {};
  return { ...(database === undefined ? {} : { database }), ...(owner === undefined ? {} : { owner }) };
}

/** The Secret of the application's user, with every key that the operator derives. */
function credentials(cluster: KubeObject, user: string, database: string): Record<string, string> {
  const { name, namespace } = cluster.metadata;
  const password = randomBytes(24).toString('base64url');
  const host = `${name}-rw`;
  const fqdn = `${host}.${namespace}.svc.cluster.local`;
  const uri = (server: string) => `postgresql://${user}:${password}@${server}:5432/${database}`;
  const jdbc = (server: string) =>
    `jdbc:postgresql://${server}:5432/${database}?password=${password}&user=${user}`;
  const values = {
    username: user,
    user,
    password,
    dbname: database,
    host,
    port: '5432',
    uri: uri(`${host}.${namespace}`),
    'jdbc-uri': jdbc(`${host}.${namespace}`),
    'fqdn-uri': uri(fqdn),
    'fqdn-jdbc-uri': jdbc(fqdn),
    pgpass: `${host}:5432:${database}:${user}:${password}\n`,
  };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, base64(value)]));
}

function secrets(world: World, cluster: KubeObject): void {
  const { name, namespace = '' } = cluster.metadata;
  const ownerReferences = ownedBy(cluster);
  const secret = (suffix: string, type: string, data: Fields, metadata: Fields = {}) =>
    world.create('secrets', {
      metadata: {
        name: `${name}-${suffix}`,
        namespace,
        ownerReferences,
        labels: { ...operatorLabel, ...metadata.labels },
        ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      },
      type,
      data,
    });
  const user = (userType: string) => ({
    labels: { 'cnpg.io/cluster': name, 'cnpg.io/reload': 'true', 'cnpg.io/userType': userType },
    annotations: { 'cnpg.io/operatorVersion': world.operatorVersion },
  });
  const certificates: Fields = cluster.spec?.certificates ?? {};
  if (certificates.serverCASecret === undefined) {
    secret('ca', 'Opaque', { 'ca.crt': pem('CERTIFICATE'), 'ca.key': pem('EC PRIVATE KEY') });
  }
  const tls = { 'tls.crt': pem('CERTIFICATE'), 'tls.key': pem('EC PRIVATE KEY') };
  if (certificates.serverTLSSecret === undefined) secret('server', 'kubernetes.io/tls', tls);
  if (certificates.replicationTLSSecret === undefined) secret('replication', 'kubernetes.io/tls', tls);
  const { database, owner } = applicationOf(cluster);
  const given = cluster.spec?.bootstrap?.initdb?.secret;
  if (database !== undefined && owner !== undefined && given === undefined) {
    secret('app', 'kubernetes.io/basic-auth', credentials(cluster, owner, database), user('app'));
  }
  if (cluster.spec?.enableSuperuserAccess === true && cluster.spec?.superuserSecret === undefined) {
    secret('superuser', 'kubernetes.io/basic-auth', credentials(cluster, 'postgres', '*'), user('superuser'));
  } else if (cluster.spec?.enableSuperuserAccess !== true) {
    world.machine.store.drop(world.machine.resources.named('secrets'), namespace, `${name}-superuser`);
  }
}

const selectors: Record<string, Record<string, string>> = {
  rw: { 'cnpg.io/instanceRole': 'primary' },
  ro: { 'cnpg.io/instanceRole': 'replica' },
  r: { 'cnpg.io/podRole': 'instance' },
};

function services(world: World, cluster: KubeObject): void {
  const { name, namespace = '' } = cluster.metadata;
  const disabled: string[] = cluster.spec?.managed?.services?.disabledDefaultServices ?? [];
  for (const [suffix, role] of Object.entries(selectors)) {
    if (disabled.includes(suffix)) continue;
    const clusterIP = `10.96.${name.length % 256}.${suffix.length * 7 + (name.charCodeAt(0) % 200)}`;
    world.create('services', {
      metadata: {
        name: `${name}-${suffix}`,
        namespace,
        labels: databaseLabels(cluster),
        annotations: { 'cnpg.io/operatorVersion': world.operatorVersion },
        ownerReferences: ownedBy(cluster),
      },
      spec: {
        type: 'ClusterIP',
        clusterIP,
        clusterIPs: [clusterIP],
        ports: [{ name: 'postgres', port: 5432, protocol: 'TCP', targetPort: 5432 }],
        selector: { 'cnpg.io/cluster': name, ...role },
        sessionAffinity: 'None',
      },
      status: { loadBalancer: {} },
    });
  }
}

/** Creates, corrects and removes the disruption budgets: replicas from three instances on, the primary always. */
function disruptionBudgets(world: World, cluster: KubeObject): void {
  const { name, namespace = '' } = cluster.metadata;
  const { instances = 1, enablePDB = true, nodeMaintenanceWindow: window } = cluster.spec ?? {};
  const maintained = window?.inProgress === true && window?.reusePVC !== false;
  const budgets = [
    {
      budget: name,
      role: 'replica',
      minAvailable: instances - 2,
      wanted: enablePDB && instances >= 3 && !maintained,
    },
    {
      budget: `${name}-primary`,
      role: 'primary',
      minAvailable: 1,
      wanted: enablePDB && !(maintained && instances === 1),
    },
  ];
  for (const { budget, role, minAvailable, wanted } of budgets.toReversed()) {
    if (!wanted) {
      const type = world.machine.resources.named('poddisruptionbudgets');
      const removed = world.machine.store.drop(type, namespace, budget);
      if (removed)
        world.event(
          cluster,
          'Normal',
          'DeletingPodDisruptionBudget',
          `Deleting PodDisruptionBudget ${budget}`,
        );
      continue;
    }
    const created = world.create('poddisruptionbudgets', {
      metadata: {
        name: budget,
        namespace,
        labels: databaseLabels(cluster),
        annotations: { 'cnpg.io/operatorVersion': world.operatorVersion },
        ownerReferences: ownedBy(cluster),
      },
      spec: {
        minAvailable,
        selector: { matchLabels: { 'cnpg.io/cluster': name, 'cnpg.io/instanceRole': role } },
      },
    });
    if (created)
      world.event(cluster, 'Normal', 'CreatingPodDisruptionBudget', `Creating PodDisruptionBudget ${budget}`);
    countBudget(world, cluster, budget, role, minAvailable);
  }
}

function countBudget(
  world: World,
  cluster: KubeObject,
  budget: string,
  role: string,
  minAvailable: number,
): void {
  const { name, namespace = '' } = cluster.metadata;
  const pods = world.list('pods', namespace, { 'cnpg.io/cluster': name, 'cnpg.io/instanceRole': role });
  const healthy = pods.filter((pod) =>
    ((pod.status?.conditions ?? []) as Fields[]).some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    ),
  ).length;
  world.update('poddisruptionbudgets', { namespace, name: budget }, (object) => {
    object.spec = { ...object.spec, minAvailable };
    object.status = {
      currentHealthy: healthy,
      desiredHealthy: minAvailable,
      disruptionsAllowed: Math.max(0, healthy - minAvailable),
      expectedPods: pods.length,
      observedGeneration: object.metadata.generation,
    };
  });
}

/** Creates what is missing around the instances. */
export function ensureClusterObjects(world: World, cluster: KubeObject): void {
  const { name, namespace = '' } = cluster.metadata;
  const own = {
    name,
    namespace,
    ownerReferences: ownedBy(cluster),
    annotations: { 'cnpg.io/operatorVersion': world.operatorVersion },
  };
  secrets(world, cluster);
  services(world, cluster);
  disruptionBudgets(world, cluster);
  const labels = { ...operatorLabel, 'cnpg.io/cluster': name };
  if (cluster.spec?.serviceAccountName === undefined) {
    if (world.create('serviceaccounts', { metadata: { ...own, labels } })) {
      world.event(cluster, 'Normal', 'CreatingServiceAccount', 'Creating ServiceAccount');
    }
  }
  if (world.create('roles', { metadata: { ...own, labels }, rules: [] })) {
    world.event(cluster, 'Normal', 'CreatingRole', 'Creating Cluster Role');
  }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name };
  world.create('rolebindings', {
    metadata: { ...own, labels },
    roleRef,
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  world.create('configmaps', {
    metadata: { name: 'cnpg-default-monitoring', namespace, labels: { 'cnpg.io/reload': '' } },
    data: { queries: '' },
  });
  if (world.recent) {
    world.create('leases', { metadata: { ...own, labels: { 'cnpg.io/cluster': name } }, spec: {} });
  }
}

/** The primary holds the lease and renews it. */
export function renewLease(world: World, cluster: KubeObject): void {
  if (!world.recent) return;
  const { name, namespace = '' } = cluster.metadata;
  const holderIdentity: string | undefined = cluster.status?.currentPrimary;
  const now = micros(world.machine.now());
  world.update('leases', { namespace, name }, (lease) => {
    const moved = lease.spec?.holderIdentity !== holderIdentity;
    lease.spec = {
      ...lease.spec,
      holderIdentity,
      leaseDurationSeconds: cluster.spec?.primaryLease?.leaseDurationSeconds ?? 15,
      renewTime: now,
      acquireTime: moved ? now : (lease.spec?.acquireTime ?? now),
      leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + (moved ? 1 : 0),
    };
  });
}
