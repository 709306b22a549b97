/** The methods of 2026-07-28 that answer once. `subscriptions/listen`, which goes on answering, is a file of its own. */
import { z } from 'zod';
import { isObject } from '../../is-object.ts';
import { renderResult } from '../call-result.ts';
import { recordRefusedCall } from '../refused-call.ts';
import type { Answers, McpSurface, RequestContext } from '../surface.ts';
import { servedRevisions } from './admit.ts';
import type { Envelope } from './envelope.ts';
import { cacheHints, type ResultWriter } from './results.ts';
import { RpcError, rpcCode, toRpcError } from './rpc-error.ts';

/** One request with everything that its handler may use. */
export interface MethodCall {
  params: Record<string, unknown>;
  context: RequestContext;
  envelope: Envelope;
  /** Set by `tools/call` when a tool answered with an error, for the observer. */
  errorType?: string;
}

/** Answers with the serialised result. Throws {@link RpcError} or what the surface throws. */
export type Method = (call: MethodCall) => Promise<string>;

const cursorParams = z.looseObject({ cursor: z.string().max(2048).optional() });
/** Second round of a request: answers by key, each an object, and the state of the question, unchanged. */
const secondRound = {
  inputResponses: z.record(z.string(), z.looseObject({})).optional(),
  requestState: z.string().max(16_384).optional(),
};
const callParams = z.looseObject({
  name: z.string(),
  arguments: z.record(z.string(), z.unknown()).optional(),
  ...secondRound,
});
const getParams = z.looseObject({
  name: z.string(),
  arguments: z.record(z.string(), z.string()).optional(),
  ...secondRound,
});
const readParams = z.looseObject({ uri: z.string().max(4096) });
const completeParams = z.looseObject({
  ref: z.discriminatedUnion('type', [
    z.object({ type: z.literal('ref/prompt'), name: z.string() }),
    z.object({ type: z.literal('ref/resource'), uri: z.string() }),
  ]),
  argument: z.object({ name: z.string(), value: z.string() }),
  context: z.object({ arguments: z.record(z.string(), z.string()).optional() }).optional(),
});

/** Parses parameters; what is wrong with them is a −32602 that names the place. */
export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = ['params', ...(issue?.path ?? [])].join('.');
  throw new RpcError(rpcCode.invalidParams, `Invalid params: ${place}: ${issue?.message}`);
}

/** Parameters of a call. When they are malformed no tool is asked, so that is recorded here. */
function parseCall({ params, context }: MethodCall, surface: McpSurface): z.infer<typeof callParams> {
  const { name, arguments: args, inputResponses, requestState } = params;
  // The usual call is plainly right; the schema takes longer to say so than all else that is done with its parameters.
  if (
    typeof name === 'string' &&
    isObject(args) &&
    inputResponses === undefined &&
    requestState === undefined
  )
    return { name, arguments: args };
  try {
    return parseParams(callParams, params);
  } catch (thrown) {
    recordRefusedCall(surface, { method: 'tools/call', params }, context);
    throw thrown;
  }
}

function answersOf(params: {
  inputResponses?: Record<string, unknown> | undefined;
  requestState?: string | undefined;
}) {
  if (params.inputResponses === undefined && params.requestState === undefined) return undefined;
  const answers: Answers = {
    responses: params.inputResponses ?? {},
    ...(params.requestState !== undefined && { state: params.requestState }),
  };
  return answers;
}

/** One page is everything that tools, prompts and templates ever need, so no cursor was given out. */
function requireFirstPage(params: Record<string, unknown>): void {
  if (parseParams(cursorParams, params).cursor !== undefined) {
    throw new RpcError(rpcCode.invalidParams, 'Invalid params: params.cursor: this list has one page only.');
  }
}

/** The method table of a surface: what the surface does not offer is not there, and answered as unknown. */
export function createMethods(surface: McpSurface, write: ResultWriter): ReadonlyMap<string, Method> {
  const { tools, resources, prompts, complete } = surface;
  const methods = new Map<string, Method>();

  const listChanged = resources?.onListChanged !== undefined;
  const discovered = write.complete(
    {
      supportedVersions: servedRevisions,
      capabilities: {
        tools: { listChanged },
        logging: {},
        ...(prompts && { prompts: { listChanged } }),
        ...(resources && { resources: { listChanged, subscribe: resources.subscribe !== undefined } }),
        ...(complete && { completions: {} }),
      },
      instructions: surface.instructions,
    },
    cacheHints.discover,
  );
  methods.set('server/discover', async () => discovered);

  // The registry hands out the same array for the same answer, so the list is serialised once for each of them.
  const lists = new WeakMap<object, string>();
  methods.set('tools/list', async ({ params, context }) => {
    requireFirstPage(params);
    const list = await tools.list(context);
    const known = lists.get(list);
    if (known !== undefined) return known;
    const written = write.complete({ tools: list }, cacheHints.tools);
    lists.set(list, written);
    return written;
  });

  methods.set('tools/call', async (call) => {
    const params = parseCall(call, surface);
    const result = renderResult(
      await tools.call(params.name, params.arguments ?? {}, call.context, answersOf(params)),
    );
    if (result.kind === 'input') return write.inputRequired(result, call.envelope.capabilities);
    if (result.errorType !== undefined) call.errorType = result.errorType;
    return write.complete(result.result);
  });

  if (resources) {
    methods.set('resources/list', async ({ params, context }) => {
      const { items, nextCursor } = await resources.list(context, parseParams(cursorParams, params).cursor);
      return write.complete(
        { resources: items, ...(nextCursor !== undefined && { nextCursor }) },
        cacheHints.resources,
      );
    });
    methods.set('resources/templates/list', async ({ params, context }) => {
      requireFirstPage(params);
      return write.complete({ resourceTemplates: await resources.templates(context) }, cacheHints.templates);
    });
    methods.set('resources/read', async ({ params, context }) => {
      const { uri } = parseParams(readParams, params);
      try {
        return write.complete({ contents: await resources.read(uri, context) }, cacheHints.read);
      } catch (thrown) {
        throw toRpcError(thrown, { uri });
      }
    });
  }

  if (prompts) {
    methods.set('prompts/list', async ({ params, context }) => {
      requireFirstPage(params);
      return write.complete({ prompts: await prompts.list(context) }, cacheHints.prompts);
    });
    methods.set('prompts/get', async ({ params: raw, context, envelope }) => {
      const params = parseParams(getParams, raw);
      const result = await prompts.get(params.name, params.arguments ?? {}, context, answersOf(params));
      if ('kind' in result) return write.inputRequired(result, envelope.capabilities);
      return write.complete({ ...result });
    });
  }

  if (complete) {
    methods.set('completion/complete', async ({ params, context }) => {
      const { ref, argument, context: given } = parseParams(completeParams, params);
      const { values, total, hasMore } = await complete(ref, argument, given?.arguments ?? {}, context);
      const shown = values.slice(0, maxCompletions);
      const more = hasMore ?? (shown.length < values.length || undefined);
      return write.complete({
        completion: {
          values: shown,
          ...(total !== undefined && { total }),
          ...(more !== undefined && { hasMore: more }),
        },
      });
    });
  }
  return methods;
}

/** Most values in one completion (2026-07-28, Completion). */
const maxCompletions = 100;
