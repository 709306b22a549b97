/** Two small writing tools for the tests of the pipeline, and the simulated cluster that they work on. */
import { afterEach, beforeEach } from 'vitest';
import { z } from 'zod';
import type { KubeObject as SimulatedObject } from '../../e2e/simulator/types.ts';
import type { KubeObject } from '../src/kube/gateway.ts';
import { changePlan, type Operation } from '../src/tools/change-plan.ts';
import { defineTool, type ToolContext } from '../src/tools/define-tool.ts';
import { namespace } from '../src/tools/inputs.ts';
import { permission } from '../src/tools/permission.ts';
import { type Harness, type HarnessOptions, startHarness } from './harness.ts';

/** Of a cluster. */
export const name = z.string().max(50);

/** A Secret without its password. */
export const secretObject = (secret: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: secret, namespace: 'default' },
  stringData: { username: 'app' },
});

/** The cluster that the two tools work on. */
export const orders = {
  apiVersion: 'postgresql.cnpg.io/v1',
  kind: 'Cluster',
  metadata: { name: 'orders', namespace: 'default' },
  spec: { instances: 3, storage: { size: '1Gi' } },
};

const createSecret = (secret: string): Operation => ({
  verb: 'create',
  resource: 'secrets',
  key: { name: secret, namespace: 'default' },
  summary: `Create Secret ${secret}.`,
  object: secretObject(secret),
  generate: { key: 'password', length: 32 },
  undoable: true,
});

const scaleEdit = (cluster: KubeObject, instances: number): Operation => ({
  verb: 'edit',
  resource: 'clusters',
  key: { name: cluster.metadata.name, namespace: 'default' },
  uid: cluster.metadata.uid as string,
  summary: `Set ${instances} instances.`,
  intent: { instances },
  edit: (current) =>
    (current as { spec?: { instances?: number } }).spec?.instances === instances
      ? []
      : [{ op: 'replace', path: '/spec/instances', value: instances }],
});

const clusterOf = ({ kube, namespace: { name: namespace } }: ToolContext, cluster: string) =>
  kube.get('clusters', { name: cluster, namespace });

/** Makes a Secret, then changes a cluster: two steps, the first of them undoable. */
export const twoSteps = defineTool({
  name: 'two_steps',
  title: 'Two steps',
  description: 'Makes a Secret and scales a cluster.',
  toolset: 'clusters',
  effect: 'change',
  input: z.strictObject({ name, instances: z.int().min(1).max(10), namespace }),
  output: z.object({}),
  permissions: [
    permission('clusters', ['get', 'patch'], 'it is scaled'),
    permission('secrets', ['create', 'delete'], 'a Secret is made'),
  ],
  async plan(context, input) {
    const cluster = await clusterOf(context, input.name);
    return changePlan({
      target: { kind: 'Cluster', name: input.name, object: cluster },
      summary: 'Do two steps.',
      facts: {},
      operations: [createSecret('two-steps'), scaleEdit(cluster, input.instances)],
    });
  },
});

/** Deletes a cluster. */
export const removal = defineTool({
  name: 'remove_it',
  title: 'Remove it',
  description: 'Deletes a cluster.',
  toolset: 'clusters',
  effect: 'destroy',
  confirmFlag: 'confirm',
  clusterArgument: 'name',
  input: z.strictObject({ name, namespace }),
  output: z.object({}),
  permissions: [permission('clusters', ['get', 'delete'], 'it is deleted')],
  async plan(context, input) {
    const cluster = await clusterOf(context, input.name);
    return changePlan({
      target: { kind: 'Cluster', name: input.name, object: cluster },
      summary: 'Delete it.',
      losses: ['Everything in it.'],
      facts: {},
      operations: [
        {
          verb: 'remove',
          resource: 'clusters',
          key: { name: input.name, namespace: context.namespace.name },
          uid: cluster.metadata.uid as string,
          summary: 'Delete the Cluster.',
        },
      ],
    });
  },
});

/** Arguments of {@link twoSteps}. */
export const args = { name: 'orders', instances: 2 };

export interface PipelineWorld {
  /** Of the test that runs. */
  readonly harness: Harness;
  /** Begins again with other options. */
  restart(options: HarnessOptions): Promise<void>;
  /** The cluster as it is stored. */
  cluster(): SimulatedObject & { spec: { instances: number } };
  /** Names of the Secrets. */
  secrets(): string[];
  /** The requests so far that wrote something. */
  writes(): Harness['simulator']['requests'];
}

/** Starts a simulator that holds the cluster before each test of the file, and ends it afterwards. Nobody acts on the cluster. */
export function pipelineWorld(): PipelineWorld {
  let harness: Harness;
  const start = async (options: HarnessOptions = {}): Promise<void> => {
    harness = await startHarness({ operator: false, ...options });
    await harness.kube.create('clusters', orders);
    harness.simulator.clearRequests();
  };
  beforeEach(() => start());
  afterEach(() => harness.close());
  return {
    get harness() {
      return harness;
    },
    async restart(options) {
      await harness.close();
      await start(options);
    },
    cluster: () =>
      harness.simulator.state.get('clusters', 'default', 'orders') as ReturnType<PipelineWorld['cluster']>,
    secrets: () => harness.simulator.state.list('secrets', 'default').map(({ metadata }) => metadata.name),
    writes: () =>
      harness.simulator.requests.filter(
        ({ verb, dryRun, group }) =>
          ['create', 'patch', 'delete', 'update'].includes(verb) && !dryRun && !group.startsWith('auth'),
      ),
  };
}
