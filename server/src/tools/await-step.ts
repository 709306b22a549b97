/** A step of a plan that only watches: until the operator has done something, or plainly cannot. */
import { toToolError } from '../errors.ts';
import type { KubeGateway, KubeObject, WatchDecision } from '../kube/gateway.ts';
import type { AwaitOperation } from './change-plan.ts';

/** What came of a wait. `unseen`: the plan goes on without having seen it. */
type AwaitVerdict =
  | { ok: true; unseen?: boolean }
  | { ok: false; state: 'failed' | 'requested'; message: string; quoted?: string };

/**
 * Waits for what a step waits for. `after`: the object as a step before has written it, if one has. Throws what the step's own
 * look throws, and what ends the call.
 */
export async function awaitOperation(
  kube: KubeGateway,
  operation: AwaitOperation,
  after: KubeObject | undefined,
): Promise<AwaitVerdict> {
  let ended: unknown;
  try {
    const verdict = await kube.watchUntil(
      operation.resource,
      {
        ...(operation.key.namespace !== undefined && { namespace: operation.key.namespace }),
        name: operation.key.name,
        timeoutSeconds: operation.timeoutSeconds,
        after,
      },
      (objects): WatchDecision<{ ok: true } | { ok: false; message: string; quoted?: string }> => {
        try {
          return operation.until(objects[0]);
        } catch (thrown) {
          ended = thrown;
          throw thrown;
        }
      },
    );
    return verdict.ok ? verdict : { ...verdict, state: 'failed' };
  } catch (thrown) {
    const error = toToolError(thrown);
    if (operation.orGoOn && ended === undefined) return { ok: true, unseen: true };
    if (error.code !== 'timeout') throw error;
    if (operation.late) return { ok: false, ...operation.late() };
    return {
      ok: false,
      state: 'requested',
      message: `The operator has not done this within ${operation.timeoutSeconds} s.`,
    };
  }
}
