/** Which namespace a call uses, and whether it exists. */
import { ToolError } from '../errors.ts';
import type { KubeGateway } from '../kube/gateway.ts';
import type { ResolvedNamespace } from './define-tool.ts';

/** The namespace that the caller named, else the default of the gateway, with its origin. */
export function resolveNamespace(
  named: unknown,
  kube: Pick<KubeGateway, 'defaultNamespace'>,
): ResolvedNamespace {
  return typeof named === 'string' ? { name: named, source: 'argument' } : kube.defaultNamespace();
}

/** `namespace demo (from the kubeconfig context)`: how every message names it. */
export function namespacePhrase({ name, source }: ResolvedNamespace): string {
  const origin = {
    argument: 'as asked',
    'service account': 'from the service account',
    'kubeconfig context': 'from the kubeconfig context',
    configuration: "from the server's configuration",
    'built-in default': 'the built-in default',
  }[source];
  return `namespace ${name} (${origin})`;
}

/**
 * Throws `namespace_not_found` when the namespace does not exist. LIST in a missing namespace is an empty list and GET a
 * plain 404, so tools ask this when they found nothing. Without the right to read the namespace the question stays open:
 * returns `unknown`.
 */
export async function requireNamespace(
  kube: KubeGateway,
  namespace: ResolvedNamespace,
): Promise<'exists' | 'unknown'> {
  try {
    await kube.get('namespaces', { name: namespace.name });
    return 'exists';
  } catch (thrown) {
    if (!(thrown instanceof ToolError)) throw thrown;
    if (thrown.code === 'forbidden') return 'unknown';
    if (thrown.code !== 'not_found') throw thrown;
    throw new ToolError('namespace_not_found', `There is no ${namespacePhrase(namespace)} in this cluster.`, {
      ...(thrown.api && { api: thrown.api }),
      cause: thrown,
    });
  }
}
