/**
 * 2025-11-25 and older over HTTP. Without a session every POST stands alone, so it needs none of what a protocol server of the
 * SDK keeps between messages; making one for each cost a quarter of the time of a call. Messages, versions and schemas are
 * the SDK's; handlers are the same as on connections.
 */
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpAnswer, McpEndpoint, McpExchange } from '../endpoint.ts';
import { errorBody, type JsonRpcError, jsonRpcCodes, type RequestId } from '../json-rpc.ts';
import { recordRefusedCall } from '../refused-call.ts';
import type { LegacyOptions } from './call.ts';
import { readEnvelope } from './envelope.ts';
import { handleRequest } from './handle.ts';
import { PostAnswer } from './post-answer.ts';
import { errorTypeOf, responseOf } from './results.ts';
import type { Sessions } from './sessions.ts';
import { unservedVersion, versionOf } from './version.ts';

export interface LegacyEndpointOptions extends LegacyOptions {
  /** A JSON answer that takes longer becomes a stream, in seconds. */
  streamAfterSeconds: number;
  /** Asked first; what belongs to no session is answered without one. */
  sessions?: Pick<Sessions, 'post'> | undefined;
}

export function createLegacyEndpoint(options: LegacyEndpointOptions): McpEndpoint {
  return {
    async handle(exchange) {
      const envelope = readEnvelope(exchange.message);
      const refused = (answer: McpAnswer): McpAnswer => {
        recordRefusedCall(options.surface, exchange.message, exchange.caller);
        return answer;
      };
      if (envelope.kind === 'bad') {
        return refused(refusal(envelope.error.code, envelope.error.message, envelope.id));
      }
      const isHandshake = envelope.kind === 'request' && envelope.message.method === 'initialize';
      const version = versionOf(exchange.headers);
      const unserved = isHandshake ? undefined : unservedVersion(version);
      if (unserved) return refused(unserved);
      const inSession = options.sessions?.post(envelope, exchange);
      if (inSession) return inSession;
      // Without a session there is nothing that a notification or a response could belong to.
      if (envelope.kind !== 'request') return refused({ status: 202 });
      return answer(options, exchange, envelope.message, isHandshake ? undefined : version);
    },
  };
}

function refusal(code: number, message: string, id: RequestId | null): McpAnswer {
  return { status: 400, body: errorBody(code, message, id) };
}

function answer(
  options: LegacyEndpointOptions,
  { caller, signal }: McpExchange,
  { id, method, params = {} }: JSONRPCRequest,
  protocolVersion: string | undefined,
): Promise<McpAnswer> {
  const started = performance.now();
  const post = new PostAnswer(options.streamAfterSeconds * 1000);
  const record = (errorType: string | undefined): void => {
    options.observe({
      method,
      transport: 'http',
      ...(method === 'tools/call' && typeof params.name === 'string' && { tool: params.name }),
      ...(protocolVersion !== undefined && { protocolVersion }),
      ...(errorType !== undefined && { errorType }),
      durationSeconds: (performance.now() - started) / 1000,
    });
  };
  const breakOff = (): void => {
    if (post.ended) return;
    record('cancelled');
    const body = errorBody(jsonRpcCodes.serverError, 'The request was broken off.', id);
    post.end(body, { status: 503, headers: { 'retry-after': '1' } });
  };
  signal.addEventListener('abort', breakOff, { once: true });
  if (signal.aborted) breakOff();

  const wire = {
    callerNow: () => caller,
    signal,
    notify: (name: string, fields: Record<string, unknown>) =>
      post.notify(JSON.stringify({ jsonrpc: '2.0', method: name, params: fields })),
  };
  if (params._meta?.progressToken !== undefined) post.openStream();
  handleRequest({ options, logLevel: 'info' }, { method, params, caller, wire }).then(
    (result) => {
      if (post.ended) return;
      record(errorTypeOf(result));
      post.end(responseOf(id, result));
    },
    ({ code, message, data }: JsonRpcError) => {
      if (post.ended) return;
      record(String(code));
      post.end(errorBody(code, message, id, data));
    },
  );
  return post.given;
}
