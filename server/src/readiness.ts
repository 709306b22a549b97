/** What must work in the cluster before a call can succeed: the API server answers, and serves the operator's kinds. */
import { toToolError } from './errors.ts';
import type { CheckReadiness } from './http/readiness.ts';
import type { KubeGateway } from './kube/gateway.ts';

/** What `/readyz` asks of the cluster. */
export function checkReadinessOf(kube: KubeGateway): CheckReadiness {
  return async (signal) => {
    try {
      const { cnpgKinds } = await kube.capabilities({ signal, fresh: true });
      return [
        { name: 'kubernetes', ok: true },
        cnpgKinds.has('clusters')
          ? { name: 'cloudnative-pg', ok: true }
          : {
              name: 'cloudnative-pg',
              ok: false,
              reason: 'Its kinds are not served: the operator is not installed.',
            },
      ];
    } catch (thrown) {
      return [{ name: 'kubernetes', ok: false, reason: toToolError(thrown).message }];
    }
  };
}
