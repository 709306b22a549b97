/** Calls of tools as single POSTs: for what no client library sends, or not at the moment that a test needs. */
import type { Answer } from '../../clients/connection.ts';
import { answerOf } from '../../clients/official.ts';

/** The two generations of the protocol, by the revision that is spoken. */
export const revisions = ['2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof revisions)[number];

/** A message with the headers that belong to it. */
export interface Post {
  headers: Record<string, string>;
  message: { method: string; params: Record<string, unknown> };
}

/** A first call that somebody has to confirm, and the call that confirms it. */
export interface Confirmation {
  /** What a person must type. */
  name: string;
  confirm: Post;
}

/** The same post by somebody who has to show a token. */
export function by(token: string, { headers, message }: Post): Post {
  return { headers: { ...headers, authorization: `Bearer ${token}` }, message };
}

/** A call of a tool. `more`: fields of the parameters besides name and arguments. */
export function callOf(
  revision: Revision,
  tool: string,
  args: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Post {
  const headers = { 'mcp-protocol-version': revision };
  const params = { name: tool, arguments: args, ...more };
  if (revision === '2025-11-25') return { headers, message: { method: 'tools/call', params } };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': revision,
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
    'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
  };
  return {
    headers: { ...headers, 'mcp-method': 'tools/call', 'mcp-name': tool },
    message: { method: 'tools/call', params: { ...params, _meta } },
  };
}

/** Sends it and returns the result. Throws when the answer is an error of the protocol. */
export async function send(url: string, { headers, message }: Post): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
  const text = await response.text();
  const streamed = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const answer = JSON.parse(streamed ? (text.trim().split('\n').at(-1)?.slice('data: '.length) ?? '') : text);
  if (answer.result === undefined) throw new Error(`${url} answered ${response.status}: ${text}`);
  return answer.result;
}

/** Sends a call and reads its result. */
export async function sendCall(url: string, post: Post): Promise<Answer> {
  return answerOf(await send(url, post));
}

/** Makes the first call of a deletion, in which nothing happens, and prepares the second with the same generation's means. */
export async function openConfirmation(
  url: string,
  revision: Revision,
  tool: string,
  args: Record<string, unknown>,
  token?: string,
): Promise<Confirmation> {
  const first = callOf(revision, tool, args);
  const result = await send(url, token === undefined ? first : by(token, first));
  const flag = tool === 'delete_postgres_cluster' ? 'confirm_deletion' : 'confirm';
  if (revision === '2025-11-25') {
    const { structured, text } = answerOf(result);
    if (!structured?.confirmation) throw new Error(`${tool} asks for no confirmation: ${text}`);
    const { confirm_name, confirm_token } = structured.confirmation;
    const confirm = callOf(revision, tool, { ...args, [flag]: true, confirm_name, confirm_token });
    return { name: confirm_name, confirm };
  }
  if (result.resultType !== 'input_required')
    throw new Error(`${tool} asks nothing: ${JSON.stringify(result)}`);
  const [[key, question] = []] = Object.entries(
    result.inputRequests as Record<
      string,
      { params: { requestedSchema: { properties: { name: { description: string } } } } }
    >,
  );
  const { description } = question?.params.requestedSchema.properties.name ?? { description: '' };
  const name = JSON.parse(/"(?:[^"\\]|\\.)*"/.exec(description)?.[0] ?? 'null') as string;
  const inputResponses = { [key as string]: { action: 'accept', content: { name } } };
  return {
    name,
    confirm: callOf(revision, tool, args, { inputResponses, requestState: result.requestState }),
  };
}
