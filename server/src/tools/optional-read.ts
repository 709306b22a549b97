/** Reads that an answer can do without. */
import { type ErrorCode, ToolError } from '../errors.ts';
import type { KubeObject, Page } from '../kube/gateway.ts';

/**
 * The result, or `undefined` when the acting identity may not read it or the cluster does not serve the kind: the answer
 * then says what could not be checked. Every other failure, but for the code that is named, is a failure of the call.
 */
export async function readIfAllowed<T>(read: Promise<T>, also?: ErrorCode): Promise<T | undefined> {
  try {
    return await read;
  } catch (thrown) {
    if (!(thrown instanceof ToolError)) throw thrown;
    if (thrown.code === 'forbidden' || thrown.code === 'operator_missing' || thrown.code === also)
      return undefined;
    throw thrown;
  }
}

/** The same for the items of a list. */
export async function itemsIfAllowed<T extends KubeObject>(list: Promise<Page<T>>): Promise<T[] | undefined> {
  return (await readIfAllowed(list))?.items;
}
