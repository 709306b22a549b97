/** Deletes a PostgreSQL cluster with its volumes, after saying what hangs on it and what can still be brought back. */
import { z } from 'zod';
import { describeDeletion } from '../../cnpg/deletion.ts';
import { dependantsOf, leftOverNotes } from '../../cnpg/dependants.ts';
import { clusterLabel } from '../../cnpg/names.ts';
import { protectionRefusal } from '../../cnpg/protection.ts';
import { shortenDependants } from '../../cnpg/shorten-dependants.ts';
import type { Cluster, PersistentVolumeClaim } from '../../cnpg/types.ts';
import { claimsOf } from '../../cnpg/volumes.ts';
import { ToolError } from '../../errors.ts';
import { changePlan, type Operation, type Outcome } from '../change-plan.ts';
import { defineTool, type ToolContext } from '../define-tool.ts';
import { clusterName, namespace } from '../inputs.ts';
import { findNeighbours, neighbourPermissions } from '../neighbours.ts';
import { permission } from '../permission.ts';
import { readCluster, readClusterPermissions } from '../read-cluster.ts';
import { findRoleSecrets } from '../role-secrets.ts';

/** The object itself goes at once unless somebody else's finalizer holds it. */
const goneWithinSeconds = 60;
/** Then the garbage collector takes pods and volume claims; a pod may use its grace period. */
const volumesWithinSeconds = 60;

const output = z.object({
  name: z.string(),
  namespace: z.string(),
  volumes: z.enum(['deleted', 'going', 'unknown']),
  deleted_secrets: z.array(z.string()),
  kept_secrets: z.array(z.string()),
});

export const deletePostgresCluster = defineTool({
  name: 'delete_postgres_cluster',
  title: 'Delete a PostgreSQL cluster',
  description:
    'Deletes a cluster and its volumes for good. The first call changes nothing: it lists what is lost, what depends on ' +
    'the cluster and the newest backup, for a person to confirm. Refused for clusters annotated cnpg-mcp.io/protected.',
  toolset: 'clusters',
  effect: 'destroy',
  confirmFlag: 'confirm_deletion',
  clusterArgument: 'name',
  input: z.strictObject({ name: clusterName, namespace }),
  output,
  permissions: [
    ...readClusterPermissions,
    permission('clusters', ['list', 'watch', 'delete'], 'to delete the cluster and to see that it is gone'),
    ...neighbourPermissions,
    permission('persistentvolumeclaims', ['watch'], 'to see that the volumes are gone', { optional: true }),
    permission('secrets', ['get', 'delete'], 'the role Secrets that this server made go with the cluster', {
      optional: true,
      addOn: 'secrets',
    }),
  ],

  async plan(context, { name }) {
    const cluster = await readCluster(context, name);
    const where = context.namespace.name;
    const { deletionTimestamp, uid = '' } = cluster.metadata;
    const neighbours = await findNeighbours(context, cluster);
    const secrets = await findRoleSecrets(context, cluster, neighbours.databaseRoles);
    const { losses, warnings } = describeDeletion(cluster, neighbours);
    const removals = secrets.ours.map(
      (secret): Operation => ({
        verb: 'remove',
        resource: 'secrets',
        key: { name: secret.name, namespace: where },
        uid: secret.uid,
        tolerateMissing: true,
        summary: `Delete Secret ${secret.name}, which this server made for a role of ${name}.`,
      }),
    );
    const protectedRefusal = protectionRefusal(cluster);
    const dependants = shortenDependants([
      ...dependantsOf(cluster, neighbours, context.fence.quote.bind(context.fence)),
      ...[...secrets.others, ...secrets.owned].map((secret) => ({ kind: 'Secret', ...secret })),
    ]);
    return changePlan({
      target: { kind: 'Cluster', name, namespace: where, object: cluster },
      summary: `Delete the PostgreSQL cluster ${where}/${name}.`,
      refusals: protectedRefusal ? [protectedRefusal] : [],
      ...(deletionTimestamp && {
        unchanged: `${where}/${name} is being deleted since ${deletionTimestamp}.`,
      }),
      losses,
      warnings: [...warnings, ...secrets.warnings, ...leftOverNotes(dependants, where)],
      dependants,
      operations: [
        {
          verb: 'remove',
          resource: 'clusters',
          key: { name, namespace: where },
          uid,
          summary: `Delete Cluster ${name}; Kubernetes then removes its pods and volume claims.`,
        },
        // Before the wait, which a caller can leave: nothing would ever take them afterwards. A Cluster that somebody's
        // finalizer holds loses them early, but Kubernetes takes no deletion back: its roles go, sooner or later.
        ...removals,
        {
          verb: 'await',
          resource: 'clusters',
          key: { name, namespace: where },
          timeoutSeconds: goneWithinSeconds,
          until: (object) => (object?.metadata.uid === uid ? 'continue' : { done: { ok: true } }),
          summary: `Wait until Cluster ${name} is gone.`,
        },
      ],
      facts: {
        cluster,
        deleted: secrets.ours.map((secret) => secret.name),
        kept: secrets.others.map((secret) => secret.name),
      },
    });
  },

  async observe(context, { facts }) {
    const { name } = facts.cluster.metadata;
    const volumes = await awaitVolumes(context, facts.cluster);
    const result = {
      name,
      namespace: context.namespace.name,
      volumes,
      deleted_secrets: facts.deleted,
      kept_secrets: facts.kept,
    };
    return { ...volumeOutcome(`${context.namespace.name}/${name} is deleted`, volumes), result };
  },
});

type Volumes = z.output<typeof output>['volumes'];

/** Waits for the garbage collector. `unknown`: the claims may not be read. */
async function awaitVolumes({ kube, namespace }: ToolContext, cluster: Cluster): Promise<Volumes> {
  try {
    return await kube.watchUntil<PersistentVolumeClaim, Volumes>(
      'persistentvolumeclaims',
      {
        namespace: namespace.name,
        labelSelector: `${clusterLabel}=${cluster.metadata.name}`,
        timeoutSeconds: volumesWithinSeconds,
      },
      (claims) => (claimsOf(cluster, claims).length === 0 ? { done: 'deleted' } : 'continue'),
    );
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'timeout') return 'going';
    if (thrown instanceof ToolError && thrown.code === 'forbidden') return 'unknown';
    throw thrown;
  }
}

function volumeOutcome(subject: string, volumes: Volumes): Pick<Outcome<unknown>, 'state' | 'message'> {
  switch (volumes) {
    case 'deleted':
      return { state: 'done', message: `${subject}, and so are its volume claims.` };
    case 'going':
      return {
        state: 'requested',
        message: `${subject}; its volume claims are still being removed after ${volumesWithinSeconds} s.`,
      };
    case 'unknown':
      return {
        state: 'done',
        message: `${subject}. Kubernetes removes its volume claims; that was not looked at, for lack of rights.`,
      };
  }
}
