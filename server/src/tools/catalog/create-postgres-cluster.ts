/** Creates a PostgreSQL cluster, and can wait until it is ready or until it is plain that it cannot be. */
import { z } from 'zod';
import { objectionsToBootstrap } from '../../cnpg/bootstrap-names.ts';
import { applicationDatabase, clusterManifest } from '../../cnpg/cluster-manifest.ts';
import { majorOf, resolveImage, versionOfImage } from '../../cnpg/images.ts';
import { appSecretName, passwordCommand } from '../../cnpg/names.ts';
import { judgeParameters } from '../../cnpg/parameters.ts';
import { defaultTimeoutSeconds, outcomeOf } from '../../cnpg/ready-verdict.ts';
import { storageClassProblem } from '../../cnpg/storage-classes.ts';
import type { StorageClass } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import { awaitReady, awaitReadyPermissions } from '../await-ready.ts';
import { changePlan, type Refusal } from '../change-plan.ts';
import {
  countInstances,
  imageReference,
  instances,
  parameters,
  readyInputs,
  storageClass,
  storageSize,
} from '../cluster-inputs.ts';
import { readyShape, seenIn } from '../cluster-outputs.ts';
import { defineTool, type ToolContext } from '../define-tool.ts';
import { clusterName, namespace, postgresName } from '../inputs.ts';
import { refuseTooMany } from '../max-instances.ts';
import { namespacePhrase, requireNamespace } from '../namespace.ts';
import { itemsIfAllowed } from '../optional-read.ts';
import { permission } from '../permission.ts';
import { sourceOf } from '../preset.ts';

const input = z.strictObject({
  name: clusterName,
  namespace,
  instances: instances.default(3),
  storage_size: storageSize.default('10Gi'),
  storage_class: storageClass.optional(),
  postgres_version: z.string().min(1).max(32).optional().describe('Such as 17 or 17.2.'),
  image: imageReference.optional(),
  database: postgresName.optional().describe('Default app.'),
  owner: postgresName.optional().describe('Default: like database.'),
  parameters: parameters.optional(),
  ...readyInputs,
});

const uncheckedClass = `Whether the storage class exists was not checked, for lack of rights: list storageclasses comes with ${sourceOf(
  { effect: 'change', permissions: awaitReadyPermissions },
  { verb: 'list', resource: 'storageclasses' },
)}.`;

export const createPostgresCluster = defineTool({
  name: 'create_postgres_cluster',
  title: 'Create a PostgreSQL cluster',
  description:
    'Creates a CloudNativePG cluster: a primary and streaming replicas. Answers "requested" at once; with wait it ends ' +
    'when the cluster is ready, or early with the cause when it cannot become so.',
  toolset: 'clusters',
  effect: 'change',
  clusterArgument: 'name',
  input,
  output: z.object({
    name: z.string(),
    namespace: z.string(),
    instances: z.int(),
    image: z.string(),
    ...readyShape,
    host: z.string(),
    database: z.string(),
    user: z.string(),
    secret: z.string(),
    password_command: z.string(),
  }),
  permissions: [
    permission('clusters', ['get', 'create'], 'to create the cluster, unless there is one of that name'),
    permission('namespaces', ['get'], 'to tell that the namespace does not exist', { optional: true }),
    ...awaitReadyPermissions,
  ],

  async plan(context, wish) {
    const where = context.namespace.name;
    const [classes] = await Promise.all([
      itemsIfAllowed(context.kube.list<StorageClass>('storageclasses', {})),
      refuseExisting(context, wish.name),
      requireNamespace(context.kube, context.namespace),
    ]);
    const { image, major, refusals } = chooseImage(context, wish);
    const judged = judgeParameters(wish.parameters ?? {}, { major, ownBuild: wish.image !== undefined });
    const manifest = clusterManifest({
      ...wish,
      namespace: where,
      image,
      storageSize: wish.storage_size,
      storageClass: wish.storage_class,
    });
    const problem = classes && storageClassProblem(wish.storage_class, classes);
    return changePlan({
      target: { kind: 'Cluster', name: wish.name, namespace: where },
      summary: `Create ${where}/${wish.name}: ${countInstances(wish.instances)}, ${wish.storage_size} each, image ${image}.`,
      refusals: [
        ...refusals,
        ...refuseTooMany(context.settings, wish.instances),
        ...objectionsToBootstrap(applicationDatabase(wish)),
        ...judged.objections,
      ],
      warnings: [
        ...judged.warnings,
        ...(problem ? [`${problem.cause} ${problem.remedy}`] : []),
        ...(classes || wish.storage_class === undefined ? [] : [uncheckedClass]),
        ...(wish.instances === 1 ? ['With one instance there is nothing to fail over to.'] : []),
        'Nothing backs this cluster up: no backup is configured.',
      ],
      operations: [
        {
          verb: 'create',
          resource: 'clusters',
          key: { name: wish.name, namespace: where },
          object: manifest,
          summary: `Create Cluster ${wish.name}.`,
        },
      ],
      facts: { image },
    });
  },

  async observe(context, { facts, target }, wish) {
    const { name } = target;
    const where = context.namespace.name;
    const subject = `${where}/${name} was created`;
    const { database, owner: user } = applicationDatabase(wish);
    const secret = appSecretName(name);
    const result = {
      ...{ name, namespace: where, instances: wish.instances, image: facts.image },
      ...{ host: `${name}-rw.${where}.svc`, database, user, secret },
      password_command: passwordCommand(secret, where),
    };
    if (!wish.wait) {
      const message = `${subject}; the operator now sets it up. get_cluster_status shows how far it is.`;
      return { state: 'requested', message, result };
    }
    const verdict = await awaitReady(context, name, wish.timeout ?? defaultTimeoutSeconds(wish.instances));
    return { ...outcomeOf(subject, verdict), result: { ...result, ...seenIn(verdict, context.fence) } };
  },

  text: (result) =>
    [
      `${result.ready_instances === result.instances ? 'Connect' : 'Once it is ready, connect'} to ` +
        `${result.host}:5432, database ${result.database}, as ${result.user}.`,
      `The operator keeps the password in the Secret ${result.secret}:`,
      result.password_command,
    ].join('\n'),
});

async function refuseExisting(context: ToolContext, name: string): Promise<void> {
  try {
    await context.kube.get('clusters', { name, namespace: context.namespace.name });
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'not_found') return;
    throw thrown;
  }
  const message = `There is a cluster ${name} in ${namespacePhrase(context.namespace)} already.`;
  throw new ToolError('already_exists', message, {
    hint: 'Choose another name, or look at the one that exists with get_cluster_status.',
  });
}

/** `major`: undefined where neither the image's tag nor the version that was asked for tells it. */
function chooseImage(
  { settings }: ToolContext,
  wish: z.output<typeof input>,
): { image: string; major?: number | undefined; refusals: Refusal[] } {
  if (wish.image !== undefined) {
    return { image: wish.image, major: majorOf(versionOfImage(wish.image)), refusals: [] };
  }
  const version = wish.postgres_version ?? settings.defaultPostgresVersion;
  const resolved = resolveImage(version, {
    images: settings.postgresImages,
    repository: settings.defaultImageRepository,
  });
  if ('image' in resolved) {
    const major = majorOf(versionOfImage(resolved.image)) ?? majorOf(version);
    return { image: resolved.image, major, refusals: [] };
  }
  return {
    image: '',
    refusals: [{ reason: resolved.problem, lift: 'Give another postgres_version, or an image.' }],
  };
}
