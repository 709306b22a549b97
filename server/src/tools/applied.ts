/** Waiting until the operator has applied an object, in the terms of an answer. */
import { z } from 'zod';
import type { Sight } from '../cnpg/role-progress.ts';
import { ToolError } from '../errors.ts';
import type { KubeObject, ObjectKey } from '../kube/gateway.ts';
import type { ResourceName } from '../kube/resources.ts';
import type { Outcome } from './change-plan.ts';
import type { ToolContext } from './define-tool.ts';

/** Arguments of tools whose change the operator applies within seconds. */
export const waitInputs = {
  wait: z.boolean().default(true).describe('Until it is done.'),
  timeout: z.int().min(1).max(600).default(20).describe('Seconds.'),
};

export interface Waiting {
  wait: boolean;
  /** Most seconds, counted from `since`; a wait that begins later than that looks for a second. */
  timeout: number;
  /** Default: now. */
  since?: Date;
  /** The object as the write returned it. */
  after: KubeObject | undefined;
}

/**
 * Looks at an object until it is applied, has failed or the time is over; `requested` when that was not seen. The operator
 * goes on with its work all the same.
 */
export async function untilApplied<T extends KubeObject>(
  context: ToolContext,
  resource: ResourceName,
  key: Required<ObjectKey>,
  { wait, timeout, since, after }: Waiting,
  look: (object: T | undefined) => Sight,
): Promise<Omit<Outcome<unknown>, 'result'>> {
  const started = (since ?? context.now()).getTime();
  const seconds = (): number => Math.round((context.now().getTime() - started) / 1000);
  if (!wait) return { state: 'requested', message: 'The operator applies it next; that was not waited for.' };
  let quoted: string | undefined;
  let note: string | undefined;
  try {
    const seen = await context.kube.watchUntil<T, Exclude<Sight, { state: 'waiting' }>>(
      resource,
      { ...key, signal: context.signal, timeoutSeconds: Math.max(1, timeout - seconds()), after },
      (objects) => {
        const sight = look(objects[0]);
        if (sight.state !== 'waiting') return { done: sight };
        if (sight.quoted !== quoted) context.progress('The operator has not applied it yet.');
        quoted = sight.quoted;
        note = sight.note;
        return 'continue';
      },
    );
    if (seen.state === 'failed') return seen;
    return { state: 'done', message: `The operator has applied it (seen after ${seconds()} s).` };
  } catch (thrown) {
    if (!(thrown instanceof ToolError) || thrown.code !== 'timeout') throw thrown;
    const message = note ?? 'It goes on trying.';
    const seen = `That the operator has applied it was not seen within ${Math.max(timeout, seconds())} s. ${message}`;
    return quoted === undefined
      ? { state: 'requested', message: seen }
      : { state: 'requested', message: `${seen} What it says now, which may pass:`, quoted };
  }
}
