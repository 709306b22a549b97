/** The objects of one instance: its pod, its claims, and the job that makes its data directory. */

import type { Fields, KubeObject } from '../types.ts';
import { databaseLabels } from './cluster-objects.ts';
import { serialOf } from './instances.ts';
import { ownedBy, type World } from './world.ts';

/** The claims of an instance, by role: data, and WAL when the Cluster has a volume for it. */
export function claimNames(
  cluster: KubeObject,
  instance: string,
): { name: string; role: string; storage: Fields }[] {
  const { storage = {}, walStorage, tablespaces = [] } = cluster.spec ?? {};
  return [
    { name: instance, role: 'PG_DATA', storage },
    ...(walStorage === undefined ? [] : [{ name: `${instance}-wal`, role: 'PG_WAL', storage: walStorage }]),
    ...(tablespaces as Fields[]).map((each) => ({
      name: `${instance}-tbs-${String(each.name).replaceAll('_', '-')}`,
      role: 'PG_TABLESPACE',
      storage: each.storage as Fields,
    })),
  ];
}

/** Creates the claims of an instance, as initializing. */
export function createClaims(world: World, cluster: KubeObject, instance: string): void {
  const { name, namespace = '' } = cluster.metadata;
  const classes = world.list('storageclasses');
  const standard = classes.find(
    ({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  );
  for (const { name: claim, role, storage } of claimNames(cluster, instance)) {
    world.create('persistentvolumeclaims', {
      metadata: {
        name: claim,
        namespace,
        labels: {
          'app.kubernetes.io/component': 'database',
          'app.kubernetes.io/managed-by': 'cloudnative-pg',
          'app.kubernetes.io/name': 'postgresql',
          'cnpg.io/cluster': name,
          'cnpg.io/instanceName': instance,
          'cnpg.io/pvcRole': role,
        },
        annotations: {
          'cnpg.io/nodeSerial': String(serialOf(instance)),
          'cnpg.io/operatorVersion': world.operatorVersion,
          'cnpg.io/pvcStatus': 'initializing',
        },
        finalizers: ['kubernetes.io/pvc-protection'],
        ownerReferences: ownedBy(cluster),
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: {
          requests: { storage: storage.size ?? storage.pvcTemplate?.resources?.requests?.storage },
        },
        storageClassName: storage.storageClass ?? standard?.metadata.name,
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Pending' },
    });
  }
}

/** The plugin that is installed next to the simulated operator. */
export const barmanPlugin = 'barman-cloud.cloudnative-pg.io';

/** The entry of the Barman Cloud plugin in a Cluster, when it is enabled. */
export function barmanPluginOf({ spec }: KubeObject): Fields | undefined {
  return ((spec?.plugins ?? []) as Fields[]).find(
    ({ name, enabled }) => name === barmanPlugin && enabled !== false,
  );
}

function podSpec(
  world: World,
  cluster: KubeObject,
  instance: string,
  image: string,
  command: string[],
): Fields {
  const { name, namespace } = cluster.metadata;
  const security = { runAsUser: 26, runAsGroup: 26, runAsNonRoot: true, fsGroup: 26 };
  return {
    containers: [
      {
        name: 'postgres',
        image,
        imagePullPolicy: 'IfNotPresent',
        command,
        env: [
          { name: 'PGDATA', value: '/var/lib/postgresql/data/pgdata' },
          { name: 'POD_NAME', value: instance },
          { name: 'NAMESPACE', value: namespace },
          { name: 'CLUSTER_NAME', value: name },
        ],
        ports: [
          { containerPort: 5432, name: 'postgresql', protocol: 'TCP' },
          { containerPort: 9187, name: 'metrics', protocol: 'TCP' },
          { containerPort: 8000, name: 'status', protocol: 'TCP' },
        ],
        resources: cluster.spec?.resources ?? {},
        volumeMounts: [{ mountPath: '/var/lib/postgresql/data', name: 'pgdata' }],
      },
    ],
    initContainers: [
      {
        name: 'bootstrap-controller',
        image: `ghcr.io/cloudnative-pg/cloudnative-pg:${world.operatorVersion}`,
        command: ['/manager', 'bootstrap', '/controller/manager', '--log-level=info'],
      },
      ...(barmanPluginOf(cluster) === undefined
        ? []
        : [
            {
              name: 'plugin-barman-cloud',
              image: 'ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.13.0',
              restartPolicy: 'Always',
            },
          ]),
    ],
    hostname: instance,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: security,
    serviceAccountName: cluster.spec?.serviceAccountName ?? name,
    terminationGracePeriodSeconds: cluster.spec?.stopDelay ?? 1800,
    volumes: [
      ...claimNames(cluster, instance).map(({ name: claimName, role }) => ({
        name:
          role === 'PG_DATA' ? 'pgdata' : role === 'PG_WAL' ? 'pg-wal' : claimName.slice(instance.length + 1),
        persistentVolumeClaim: { claimName },
      })),
      { name: 'scratch-data', emptyDir: {} },
      { name: 'shm', emptyDir: { medium: 'Memory' } },
    ],
  };
}

/** The annotation that a pod keeps of the restart that it was made after. */
export const restartAnnotation = 'kubectl.kubernetes.io/restartedAt';

function restartMark(cluster: KubeObject): Record<string, string> {
  const restartedAt = cluster.metadata.annotations?.[restartAnnotation];
  return restartedAt === undefined ? {} : { [restartAnnotation]: restartedAt };
}

/** Creates the pod of an instance. */
export function createInstancePod(world: World, cluster: KubeObject, instance: string, image: string): void {
  const { namespace = '' } = cluster.metadata;
  const role = cluster.status?.currentPrimary === instance ? 'primary' : 'replica';
  const known = cluster.status?.currentPrimary !== undefined;
  const command = ['/controller/manager', 'instance', 'run', '--status-port-tls', '--log-level=info'];
  world.create('pods', {
    metadata: {
      name: instance,
      namespace,
      labels: {
        ...databaseLabels(cluster),
        'cnpg.io/instanceName': instance,
        'cnpg.io/podRole': 'instance',
        ...(known ? { 'cnpg.io/instanceRole': role, role } : {}),
      },
      annotations: {
        'cnpg.io/nodeSerial': String(serialOf(instance)),
        'cnpg.io/operatorVersion': world.operatorVersion,
        ...restartMark(cluster),
      },
      ownerReferences: ownedBy(cluster, true),
    },
    spec: podSpec(world, cluster, instance, image, command),
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  });
}

/** What the bootstrap job of the first instance is called after. */
export function bootstrapRole({ spec }: KubeObject): string {
  if (spec?.bootstrap?.pg_basebackup !== undefined) return 'pgbasebackup';
  if (spec?.bootstrap?.recovery?.volumeSnapshots !== undefined) return 'snapshot-recovery';
  if (spec?.bootstrap?.recovery !== undefined) return 'full-recovery';
  return spec?.bootstrap?.initdb?.import === undefined ? 'initdb' : 'import';
}

/** Creates the job that makes the data directory of an instance: `initdb`, `join`, … */
export function createInstanceJob(
  world: World,
  cluster: KubeObject,
  instance: string,
  role: string,
  image: string,
): string {
  const { namespace = '' } = cluster.metadata;
  const name = `${instance}-${role}`;
  const labels = { ...databaseLabels(cluster), 'cnpg.io/instanceName': instance, 'cnpg.io/jobRole': role };
  const annotations = { 'cnpg.io/operatorVersion': world.operatorVersion };
  const spec = podSpec(world, cluster, instance, image, ['/controller/manager', 'instance', role]);
  const [container, ...others] = spec.containers as Fields[];
  world.create('jobs', {
    metadata: { name, namespace, labels, annotations, ownerReferences: ownedBy(cluster, true) },
    spec: {
      backoffLimit: 6,
      completions: 1,
      parallelism: 1,
      template: {
        metadata: { labels, annotations },
        spec: {
          ...spec,
          hostname: name,
          containers: [{ ...container, name: role }, ...others],
          restartPolicy: 'Never',
        },
      },
    },
    status: {},
  });
  return name;
}
