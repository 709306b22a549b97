/** Changes the number of instances of a cluster; on the way down it says which standby goes. */
import { z } from 'zod';
import { wantedInstances } from '../../cnpg/cluster-health.ts';
import { clusterLabel } from '../../cnpg/names.ts';
import { defaultTimeoutSeconds, outcomeOf } from '../../cnpg/ready-verdict.ts';
import {
  cautionsOnScaling,
  instancesToGo,
  objectionsToScaling,
  surplusInstances,
} from '../../cnpg/scaling.ts';
import type { Cluster, PersistentVolumeClaim, Pod } from '../../cnpg/types.ts';
import { claimsOfInstance, volumeTotal } from '../../cnpg/volumes.ts';
import { ToolError } from '../../errors.ts';
import type { JsonPatchStep } from '../../kube/gateway.ts';
import { awaitReady, awaitReadyPermissions } from '../await-ready.ts';
import { changePlan } from '../change-plan.ts';
import { countInstances, instances, readyInputs } from '../cluster-inputs.ts';
import { readyShape, seenIn } from '../cluster-outputs.ts';
import { defineTool, type ToolContext } from '../define-tool.ts';
import { clusterName, namespace } from '../inputs.ts';
import { refuseTooMany } from '../max-instances.ts';
import { itemsIfAllowed } from '../optional-read.ts';
import { permission } from '../permission.ts';
import { readCluster, readClusterPermissions } from '../read-cluster.ts';

export const scalePostgresCluster = defineTool({
  name: 'scale_postgres_cluster',
  title: 'Scale a PostgreSQL cluster',
  description:
    'Sets the number of instances. Fewer: the operator removes the ready standby with the highest serial, together ' +
    'with its copy of the data; the databases stay. Refused below what synchronous replication needs, and during a switchover.',
  toolset: 'clusters',
  effect: 'change',
  idempotent: true,
  clusterArgument: 'name',
  input: z.strictObject({ name: clusterName, instances, namespace, ...readyInputs }),
  output: z.object({
    name: z.string(),
    namespace: z.string(),
    from: z.int(),
    to: z.int(),
    leaving: z.array(z.string()),
    removed: z.array(z.string()).optional(),
    ...readyShape,
  }),
  permissions: [
    ...readClusterPermissions,
    permission('clusters', ['patch'], 'the number of instances is in the spec of the cluster'),
    ...awaitReadyPermissions,
  ],

  async plan(context, { name, instances: target }) {
    const cluster = await readCluster(context, name);
    const where = context.namespace.name;
    const from = wantedInstances(cluster);
    const { going, farewells, unsure } = target < from ? await leaving(context, cluster, target) : nobody;
    return changePlan({
      target: { kind: 'Cluster', name, namespace: where, object: cluster },
      summary: `Scale ${where}/${name} from ${from} to ${countInstances(target)}.`,
      refusals:
        target === from
          ? []
          : [...refuseTooMany(context.settings, target), ...objectionsToScaling(cluster, target)],
      warnings: [...farewells, ...unsure, ...cautionsOnScaling(cluster, target)],
      ...(target === from && { unchanged: `${where}/${name} is set to ${countInstances(target)} already.` }),
      operations: [
        {
          verb: 'edit',
          resource: 'clusters',
          key: { name, namespace: where },
          uid: cluster.metadata.uid ?? '',
          intent: { instances: { from, to: target } },
          edit: (current) => setInstances(current as Cluster, from, target),
          summary: `Set spec.instances of Cluster ${name} to ${target}.`,
        },
      ],
      facts: { from, going, before: cluster.status?.instanceNames ?? [] },
    });
  },

  async observe(context, { facts, target }, wish) {
    const { name } = target;
    const where = context.namespace.name;
    const result = { name, namespace: where, from: facts.from, to: wish.instances, leaving: facts.going };
    const subject = `${where}/${name} was set to ${countInstances(wish.instances)}`;
    if (!wish.wait) {
      const message = `${subject}; the operator now acts on it. get_cluster_status shows how far it is.`;
      return { state: 'requested', message, result };
    }
    const verdict = await awaitReady(context, name, wish.timeout ?? defaultTimeoutSeconds(wish.instances));
    const now = verdict.cluster?.status?.instanceNames;
    const removed = now && facts.before.filter((instance) => !now.includes(instance));
    return {
      ...outcomeOf(subject, verdict),
      result: { ...result, ...(removed && { removed }), ...seenIn(verdict, context.fence) },
    };
  },
});

interface Leaving {
  going: string[];
  /** No losses: a standby holds a copy, and the operator never removes the primary. So scaling is a change. */
  farewells: string[];
  unsure: string[];
}

const nobody: Leaving = { going: [], farewells: [], unsure: [] };

/** Which instances will go, with what, and what could not be found out about it. */
async function leaving({ kube, namespace }: ToolContext, cluster: Cluster, target: number): Promise<Leaving> {
  const labels = `${clusterLabel}=${cluster.metadata.name}`;
  const [pods, claims] = await Promise.all([
    itemsIfAllowed(
      kube.list<Pod>('pods', {
        namespace: namespace.name,
        labelSelector: `${labels},cnpg.io/podRole=instance`,
      }),
    ),
    itemsIfAllowed(
      kube.list<PersistentVolumeClaim>('persistentvolumeclaims', {
        namespace: namespace.name,
        labelSelector: labels,
      }),
    ),
  ]);
  const going = instancesToGo(cluster, target, pods);
  const surplus = surplusInstances(cluster, target);
  return {
    going,
    farewells: going.map((instance) => {
      const size = claims ? ` (${volumeTotal(claimsOfInstance(instance, claims))})` : '';
      return `The standby ${instance} goes with its copy of the data${size}; the databases stay on the other instances.`;
    }),
    unsure: [
      ...(pods ? [] : ['Which standbys are ready was not checked, for lack of rights: another one may go.']),
      ...(going.length < surplus
        ? [
            `Only ${going.length} of ${surplus} instances can go now: the operator removes ready standbys only.`,
          ]
        : []),
    ],
  };
}

/** The change, unless the cluster is no longer what the plan was made for. */
function setInstances(current: Cluster, from: number, target: number): JsonPatchStep[] {
  const { name } = current.metadata;
  const now = wantedInstances(current);
  if (now === target) return [];
  if (now !== from) {
    throw new ToolError('conflict', `Somebody else set ${name} to ${countInstances(now)} in the meantime.`);
  }
  const [objection] = objectionsToScaling(current, target);
  if (objection) throw new ToolError('refused', objection.reason, { hint: objection.lift });
  return [{ op: 'add', path: '/spec/instances', value: target }];
}
