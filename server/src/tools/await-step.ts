/** A step of a plan that only watches: until the operator has done something, or plainly cannot. */
import { toToolError } from '../errors.ts';
import type { KubeGateway, WatchDecision } from '../kube/gateway.ts';
import type { AwaitOperation, WrittenObject } from './change-plan.ts';

/** What came of a wait. `unseen`: the plan goes on without having seen it. */
type AwaitVerdict =
  | { ok: true; unseen?: boolean }
  | { ok: false; state: 'failed' | 'requested'; message: string; quoted?: string };

/**
 * Waits for what a step waits for, from the version on that a step before has written, so that no change since is missed. Throws
 * what the step's own look throws, and what ends the call.
 */
export async function awaitOperation(
  kube: KubeGateway,
  operation: AwaitOperation,
  written: WrittenObject,
): Promise<AwaitVerdict> {
  const { resource, key } = operation;
  const before = written(resource);
  let ended: unknown;
  try {
    const verdict = await kube.watchUntil(
      resource,
      {
        ...(key.namespace !== undefined && { namespace: key.namespace }),
        name: key.name,
        timeoutSeconds: operation.timeoutSeconds,
        ...(before?.metadata.name === key.name && { after: before }),
      },
      (objects): WatchDecision<{ ok: true } | { ok: false; message: string; quoted?: string }> => {
        try {
          return operation.until(objects[0], written);
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
