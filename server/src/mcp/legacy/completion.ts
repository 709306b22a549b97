import { isObject } from '../../is-object.ts';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import type { Handler } from './call.ts';
import { methodNotFound, text, texts } from './params.ts';

/** More is cut, as the specification says. */
const mostValues = 100;

const complete: Handler = async ({ surface, params, context }) => {
  if (!surface.complete) throw methodNotFound();
  const { ref, argument, context: given } = params;
  if (!isObject(ref) || !isObject(argument)) throw invalid('"ref" and "argument" must be objects.');
  const answer = await surface.complete(
    reference(ref),
    { name: text(argument, 'name'), value: text(argument, 'value') },
    texts(isObject(given) ? given.arguments : undefined, 'context.arguments'),
    context,
  );
  const values = answer.values.slice(0, mostValues);
  return {
    completion: { ...answer, values, hasMore: answer.hasMore ?? values.length < answer.values.length },
  };
};

function reference(ref: Record<string, unknown>) {
  if (ref.type === 'ref/prompt') return { type: ref.type, name: text(ref, 'name') } as const;
  if (ref.type === 'ref/resource') return { type: ref.type, uri: text(ref, 'uri') } as const;
  throw invalid('"ref.type" must be ref/prompt or ref/resource.');
}

const invalid = (message: string): JsonRpcError => new JsonRpcError(jsonRpcCodes.invalidParams, message);

export const completionHandlers: Readonly<Record<string, Handler>> = { 'completion/complete': complete };
