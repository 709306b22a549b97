/** What must work before a call can succeed: the API server answers, it serves the operator's kinds, callers can sign in. */
import { toToolError } from './errors.ts';
import type { CheckReadiness, ReadinessCheck } from './http/readiness.ts';
import type { KubeGateway } from './kube/gateway.ts';

/** The checks behind `/readyz`; `signIn` tells whether callers can sign in. */
export function checkReadinessOf(
  kube: KubeGateway,
  signIn: () => Promise<readonly ReadinessCheck[]> = async () => [],
): CheckReadiness {
  return async (signal) => [...(await clusterChecks(kube, signal)), ...(await signIn())];
}

async function clusterChecks(kube: KubeGateway, signal: AbortSignal): Promise<ReadinessCheck[]> {
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
}
