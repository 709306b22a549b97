/** Acting as a service account. */
import { ToolError } from '../../server/src/errors.ts';
import type { Api } from './api.ts';
import { exitStatus, Failure } from './exit-status.ts';

/** A token of an account that exists; where there is none, a sentence that says how to make it. */
export async function tokenOf(
  api: Api,
  account: { name: string; namespace: string },
  seconds: number,
): Promise<{ token: string; expires: string }> {
  return api.token(account, seconds).catch((thrown: unknown) => {
    if (!(thrown instanceof ToolError && thrown.code === 'not_found')) throw thrown;
    throw new Failure(
      `There is no service account ${account.name} in namespace ${account.namespace}. ` +
        'Make it with `cnpg-mcp-rbac apply`, or check --release, --namespace and --service-account.',
      exitStatus.failed,
    );
  });
}

/** The kubeconfig in use, with a token instead of its user. */
export function kubeconfigWith(
  api: Api,
  token: string,
  names = { context: 'cnpg-mcp', namespace: '' },
): string {
  const used = JSON.parse(api.configuration().text) as {
    clusters: { name: string; cluster: object }[];
  };
  const [cluster] = used.clusters;
  if (!cluster) throw new Failure('The kubeconfig names no cluster.', exitStatus.unreachable);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    users: [{ name: names.context, user: { token } }],
    contexts: [
      {
        name: names.context,
        context: {
          cluster: cluster.name,
          user: names.context,
          ...(names.namespace && { namespace: names.namespace }),
        },
      },
    ],
    'current-context': names.context,
  });
}
