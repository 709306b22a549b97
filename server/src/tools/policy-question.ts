/** What the policy is asked about one call, made from its arguments. The call itself and the look before it both use this. */
import type { KubeGateway } from '../kube/gateway.ts';
import type { PolicyQuestion } from '../policy/decide.ts';
import type { Tool } from './define-tool.ts';
import { resolveNamespace } from './namespace.ts';

/** `input`: parsed or not; what is not of the right type counts as not given. */
export function policyQuestion(
  tool: Tool,
  input: Readonly<Record<string, unknown>>,
  kube: Pick<KubeGateway, 'defaultNamespace'>,
): PolicyQuestion & { namespace: string } {
  const { name, toolset, effect, clusterArgument } = tool;
  const cluster = clusterArgument === undefined ? undefined : input[clusterArgument];
  return {
    tool: name,
    toolset,
    effect,
    namespace: input.all_namespaces === true ? '*' : resolveNamespace(input.namespace, kube).name,
    ...(typeof cluster === 'string' && cluster !== '' && { cluster }),
  };
}
