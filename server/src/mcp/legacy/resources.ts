import { ToolError } from '../../errors.ts';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import type { ResourceSurface } from '../surface.ts';
import type { Handler, LegacyCall } from './call.ts';
import { methodNotFound, refuseCursor, text } from './params.ts';

/** Most resources that one connection may be subscribed to. */
const mostSubscriptions = 100;

function resourcesOf({ surface }: LegacyCall): ResourceSurface {
  if (!surface.resources) throw methodNotFound();
  return surface.resources;
}

const listResources: Handler = async (call) => {
  const cursor = call.params.cursor === undefined ? undefined : text(call.params, 'cursor');
  const { items, nextCursor } = await resourcesOf(call).list(call.context, cursor);
  return { resources: items, ...(nextCursor !== undefined && { nextCursor }) };
};

const listTemplates: Handler = async (call) => {
  refuseCursor(call.params);
  return { resourceTemplates: await resourcesOf(call).templates(call.context) };
};

const readResource: Handler = async (call) => {
  const resources = resourcesOf(call);
  const uri = text(call.params, 'uri');
  return { contents: await unknownAs(uri, resources.read(uri, call.context)) };
};

const subscribe: Handler = async (call) => {
  const { duplex } = call.connection;
  const resources = resourcesOf(call);
  if (!duplex || !resources.subscribe) throw methodNotFound();
  const { subscriptions } = duplex;
  const uri = text(call.params, 'uri');
  if (subscriptions.has(uri)) return {};
  if (subscriptions.size >= mostSubscriptions) {
    throw new ToolError('too_many_requests', `A connection can watch ${mostSubscriptions} resources.`);
  }
  const watched = await unknownAs(
    uri,
    resources.subscribe(uri, call.context, () => duplex.resourceUpdated(uri)),
  );
  // The connection may have closed, or the same request may have come twice, while this one waited.
  if (call.context.signal.aborted || subscriptions.has(uri)) watched.end();
  else subscriptions.set(uri, watched);
  return {};
};

const unsubscribe: Handler = async (call) => {
  resourcesOf(call);
  const { duplex } = call.connection;
  if (!duplex) throw methodNotFound();
  const uri = text(call.params, 'uri');
  duplex.subscriptions.get(uri)?.end();
  duplex.subscriptions.delete(uri);
  return {};
};

/** Until 2025-11-25 an unknown resource has a code of its own. */
async function unknownAs<T>(uri: string, wanted: Promise<T>): Promise<T> {
  try {
    return await wanted;
  } catch (error) {
    if (error instanceof ToolError && error.code === 'not_found') {
      throw new JsonRpcError(jsonRpcCodes.resourceNotFound, error.message, { uri });
    }
    throw error;
  }
}

export const resourceHandlers: Readonly<Record<string, Handler>> = {
  'resources/list': listResources,
  'resources/templates/list': listTemplates,
  'resources/read': readResource,
  'resources/subscribe': subscribe,
  'resources/unsubscribe': unsubscribe,
};
