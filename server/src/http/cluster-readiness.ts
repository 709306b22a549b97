/** Whether calls can succeed: the API server answers, and the operator's kinds are served. */
import { ToolError } from '../errors.ts';
import type { KubeGateway } from '../kube/gateway.ts';
import type { CheckReadiness } from './readiness.ts';

export function clusterReadiness(kube: KubeGateway): CheckReadiness {
  return async (signal) => {
    try {
      const { cnpgKinds } = await kube.capabilities({ signal });
      const served = cnpgKinds.has('clusters');
      const reason = 'The kinds of CloudNativePG are not served: the operator is not installed.';
      return [
        { name: 'kubernetes', ok: true },
        { name: 'cloudnative-pg', ok: served, ...(!served && { reason }) },
      ];
    } catch (error) {
      const known = error instanceof ToolError && error.code !== 'internal';
      const reason = known ? error.message : 'The Kubernetes API could not be asked.';
      return [{ name: 'kubernetes', ok: false, reason }];
    }
  };
}
