import { ToolError } from '../../errors.ts';
import { isObject } from '../../is-object.ts';
import { errorAnswer } from '../../tools/answer.ts';
import type { ToolDescription } from '../../tools/call.ts';
import { Fence } from '../../tools/fence.ts';
import { renderResult } from '../call-result.ts';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import { recordRefusedCall } from '../refused-call.ts';
import type { Answers } from '../surface.ts';
import type { Handler, LegacyCall } from './call.ts';
import { refuseCursor } from './params.ts';
import { ask } from './questions.ts';
import { keepJson, markError } from './results.ts';

/** The surface gives the same array for the same answer, so its result is made and serialised once. */
const lists = new WeakMap<readonly ToolDescription[], { tools: readonly ToolDescription[] }>();

const listTools: Handler = async ({ surface, params, context }) => {
  refuseCursor(params);
  const tools = await surface.tools.list(context);
  const known = lists.get(tools);
  if (known) return known;
  const result = keepJson({ tools });
  lists.set(tools, result);
  return result;
};

/** More rounds than any tool needs; a tool that goes on asking is broken. */
const mostRounds = 10;

const callTool: Handler = async (call) => {
  const { name, arguments: args = {} } = call.params;
  if (typeof name !== 'string') throw invalid(call, '"name" must be the name of a tool.');
  if (!isObject(args)) throw invalid(call, '"arguments" must be an object.');
  try {
    return await converse(call, name, args);
  } catch (error) {
    // A tool that is not there is an error of the protocol; what else a tool refuses is for the model to read.
    if (!(error instanceof ToolError) || error.code === 'unknown_tool' || error.code === 'internal')
      throw error;
    return asResult(renderResult(errorAnswer(error, new Fence())) as Rendered);
  }
};

type Rendered = Extract<ReturnType<typeof renderResult>, { kind: 'result' }>;

const asResult = ({ result, errorType }: Rendered): object =>
  errorType === undefined ? result : markError(result, errorType);

/** Calls the tool, and calls it again with what a person answered for as long as it has questions. */
async function converse(call: LegacyCall, name: string, args: Record<string, unknown>): Promise<object> {
  let answers: Answers | undefined;
  let { context } = call;
  for (let round = 0; round < mostRounds; round += 1) {
    const rendered = renderResult(await call.surface.tools.call(name, args, context, answers));
    if (rendered.kind === 'result') return asResult(rendered);
    answers = await ask(call, rendered);
    const { tightening: _before, ...rest } = context;
    context = { ...rest, ...call.wire.callerNow() };
  }
  throw new Error(`The tool ${name} goes on asking.`);
}

function invalid({ surface, params, context }: LegacyCall, message: string): JsonRpcError {
  recordRefusedCall(surface, { method: 'tools/call', params }, context);
  return new JsonRpcError(jsonRpcCodes.invalidParams, message);
}

export const toolHandlers: Readonly<Record<string, Handler>> = {
  'tools/list': listTools,
  'tools/call': callTool,
};
