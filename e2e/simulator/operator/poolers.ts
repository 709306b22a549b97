/** Pooler objects: PgBouncer in a Deployment of its own. */

import { markDeleted } from '../api/deletes.ts';
import { generatedName } from '../api/metadata.ts';
import type { KubeObject } from '../types.ts';
import { isReady } from './instances.ts';
import { ownedBy, type Place, type World } from './world.ts';

/** The image of PgBouncer of operator 1.30. */
const image = 'ghcr.io/cloudnative-pg/pgbouncer:1.25.1';

/** The phase of a pooler and why; undefined reason: all is well. */
function prerequisites(world: World, pooler: KubeObject): string | undefined {
  const { namespace } = pooler.metadata;
  const cluster: string = pooler.spec?.cluster?.name ?? '';
  if (world.get('clusters', namespace, cluster) === undefined) return `Cluster "${cluster}" not found`;
  const given = pooler.spec?.pgbouncer ?? {};
  for (const [field, what] of [
    ['serverTLSSecret', 'ServerTLSSecret'],
    ['clientTLSSecret', 'ClientTLSSecret'],
    ['clientCASecret', 'ClientCASecret'],
    ['serverCASecret', 'ServerCASecret'],
  ] as const) {
    const name: string | undefined = given[field]?.name;
    if (name !== undefined && world.get('secrets', namespace, name) === undefined)
      return `${what} "${name}" not found`;
  }
  return undefined;
}

/** One step of one Pooler. */
export function reconcilePooler(world: World, place: Place): number | undefined {
  const pooler = world.get('poolers', place.namespace, place.name);
  if (pooler === undefined || pooler.metadata.deletionTimestamp !== undefined) return undefined;
  const missing = prerequisites(world, pooler);
  if (missing !== undefined) {
    world.status('poolers', place, (status) => {
      if (world.recent) Object.assign(status, { phase: 'inactive', phaseReason: missing });
    });
    return 30;
  }
  const pods = ensureObjects(world, place, pooler);
  const wanted: number = pooler.spec?.instances ?? 1;
  world.status('poolers', place, (status) => {
    status.instances = pods.length;
    status.secrets = secretsOf(world, place.namespace, pooler.spec?.cluster?.name);
    if (!world.recent) return;
    status.image = pooler.spec?.pgbouncer?.image ?? image;
    status.phase = pooler.spec?.pgbouncer?.paused === true ? 'paused' : 'active';
    delete status.phaseReason;
  });
  const ready = pods.filter(isReady).length;
  world.status('deployments', place, (status) =>
    Object.assign(status, {
      replicas: pods.length,
      updatedReplicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      unavailableReplicas: Math.max(0, wanted - ready),
    }),
  );
  return undefined;
}

function secretsOf(
  world: World,
  namespace: string,
  cluster: string,
): Record<string, { name: string; version: string }> {
  const version = (name: string) => ({
    name,
    version: world.get('secrets', namespace, name)?.metadata.resourceVersion ?? '',
  });
  return {
    clientCA: version(`${cluster}-ca`),
    clientTLS: version(`${cluster}-server`),
    serverCA: version(`${cluster}-ca`),
    serverTLS: version(`${cluster}-server`),
  };
}

/** Deployment, Service and pods; returns the living pods. */
function ensureObjects(world: World, place: Place, pooler: KubeObject): KubeObject[] {
  const { namespace, name } = place;
  const labels = {
    'cnpg.io/cluster': pooler.spec?.cluster?.name,
    'cnpg.io/podRole': 'pooler',
    'cnpg.io/poolerName': name,
  };
  const ownerReferences = ownedBy(pooler);
  const selector = { 'cnpg.io/poolerName': name };
  const container = { name: 'pgbouncer', image: pooler.spec?.pgbouncer?.image ?? image };
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const wanted: number = pooler.spec?.instances ?? 1;
  world.create('deployments', {
    metadata: { name, namespace, labels, ownerReferences },
    spec: { replicas: wanted, selector: { matchLabels: selector }, template },
    status: {},
  });
  const deployment = world.update('deployments', place, (object) => {
    object.spec = { ...object.spec, replicas: wanted };
  });
  world.create('services', {
    metadata: { name, namespace, labels, ownerReferences },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.128.10',
      ports: [{ name: 'pgbouncer', port: 5432, protocol: 'TCP', targetPort: 'pgbouncer' }],
      selector,
    },
    status: { loadBalancer: {} },
  });
  const living = () =>
    world
      .list('pods', namespace, selector)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const pods = living();
  for (let missing = wanted - pods.length; missing > 0; missing -= 1) {
    world.create('pods', {
      metadata: {
        name: generatedName(`${name}-6d8f9c7b5-`),
        namespace,
        labels,
        ownerReferences: deployment === undefined ? [] : ownedBy(deployment, true),
      },
      spec: { ...template.spec, restartPolicy: 'Always', terminationGracePeriodSeconds: 30 },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
  }
  const { machine } = world;
  const options = { propagation: 'Background', dryRun: false, gracePeriodSeconds: undefined } as const;
  for (const surplus of pods.slice(wanted))
    markDeleted(machine, machine.resources.named('pods'), surplus, options);
  return living();
}
