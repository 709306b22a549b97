/** The server as people install it: a release of the chart, in pods, reached through its Service. */
import { randomUUID } from 'node:crypto';
import { type Agent, request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { inject } from 'vitest';
import { chartFolder } from '../../chart/files.ts';
import type { Helm } from '../../chart/helm.ts';
import type { ImageValues } from '../../image/load.ts';
import { getObject, kubectl, until } from './kubernetes.ts';
import type { Answer } from './server.ts';

/** The server, as seen from here. */
export interface Endpoint {
  /** Where its Service listens. */
  host: string;
  port: number;
  namespace: string;
  /** Of whoever calls. */
  token: string;
}

export interface HttpReply {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  body: string;
}

/** Name of the release; also of its objects, because the chart's name is in it. */
export const release = 'cnpg-mcp';

/** Values with which the pods start here: an image that is on the cluster, and a Service that this machine reaches. */
export function valuesFor(image: ImageValues): string[] {
  const values = {
    'image.repository': image.repository,
    'image.tag': image.tag,
    ...(servicesAreRouted() ? {} : { 'service.type': 'NodePort' }),
  };
  return [
    '--set',
    Object.entries(values)
      .map(([key, value]) => `${key}=${value}`)
      .join(),
  ];
}

/** Installs or upgrades, and waits for the pods. */
export async function deploy(helm: Helm, namespace: string, ...args: string[]): Promise<string> {
  return helm.run(
    ...['upgrade', '--install', release, chartFolder, '--namespace', namespace],
    ...['--wait', '--timeout', '120s', ...args],
  );
}

/** Whether the address of a Service works from this machine: with the local provider, whose network is routed. */
function servicesAreRouted(): boolean {
  return inject('cluster').provider === 'local';
}

// biome-ignore lint/suspicious/noExplicitAny: whatever Kubernetes answers, for assertions
export type Pod = any;

/** Pods of the server, with those that are being deleted. */
export async function podsOf(namespace: string): Promise<Pod[]> {
  const text = await kubectl(
    ...['get', 'pods', '-n', namespace, '-l', 'app.kubernetes.io/component=server', '-o', 'json'],
  );
  return JSON.parse(text).items;
}

/** Waits until one pod is left: after an upgrade of a release with one, that of the new values. */
export async function untilOnePod(namespace: string): Promise<void> {
  await until('the old pod is gone', 60, async () => (await podsOf(namespace)).length === 1);
}

/**
 * Finds the server of a namespace and waits until it answers: nodes learn of new pods a moment after they are ready. `secret`
 * holds the token that calls are made with; by default that which the chart made.
 */
export async function endpointOf(namespace: string, secret = `${release}-auth`): Promise<Endpoint> {
  const { data } = await getObject('secret', secret, namespace);
  const token = Buffer.from(data.token, 'base64').toString('utf8');
  const endpoint = { ...(await findAddress(namespace)), namespace, token };
  await until('the Service answers', 30, async () => {
    const { status } = await ask(endpoint, { path: '/readyz' });
    return status === 200;
  });
  return endpoint;
}

/** Address of the Service: its own, or that of a node. */
async function findAddress(namespace: string): Promise<Pick<Endpoint, 'host' | 'port'>> {
  const { spec } = await getObject('service', release, namespace);
  const port = spec.ports.find(({ name }: { name: string }) => name === 'http');
  if (servicesAreRouted()) return { host: spec.clusterIP, port: port.port };
  const host = await kubectl(
    ...['get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'],
  );
  return { host, port: port.nodePort };
}

/** One request, under the name that the Service has in the cluster. Throws when there is no answer. */
export async function ask(
  { host, port, namespace }: Endpoint,
  options: { method?: string; path: string; headers?: Record<string, string>; body?: string; agent?: Agent },
): Promise<HttpReply> {
  const { method = 'GET', path, body, agent } = options;
  const headers = { ...options.headers, host: `${release}.${namespace}.svc` };
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const request = httpRequest(
    { host, port, method, path, headers, ...(agent && { agent }), timeout: 30_000 },
    (response) => {
      buffer(response).then(
        (content) =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: content.toString('utf8'),
          }),
        reject,
      );
    },
  );
  request.on('error', reject);
  request.on('timeout', () => request.destroy(new Error('No answer within 30 s.')));
  request.end(body);
  return promise;
}

/** Result of a JSON-RPC request to the MCP endpoint. Throws when there is none. */
export async function rpc(
  endpoint: Endpoint,
  method: string,
  params: object,
  agent?: Agent,
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by assertions
): Promise<any> {
  const reply = await ask(endpoint, {
    method: 'POST',
    path: '/mcp',
    headers: {
      authorization: `Bearer ${endpoint.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: randomUUID(), method, params }),
    ...(agent && { agent }),
  });
  if (reply.status !== 200) throw new Error(`${method} was answered ${reply.status}: ${reply.body}`);
  const streamed = reply.headers['content-type']?.includes('text/event-stream');
  const message = JSON.parse(streamed ? (/^data: (.*)$/m.exec(reply.body)?.[1] ?? '') : reply.body);
  if (message.result === undefined) throw new Error(`${method} was answered ${reply.body}`);
  return message.result;
}

/** Calls a tool, which may wait for the operator. Throws when there is no answer. */
export async function callTool(
  endpoint: Endpoint,
  name: string,
  args: Record<string, unknown> = {},
): Promise<Answer> {
  const { content, structuredContent, isError } = await rpc(endpoint, 'tools/call', {
    name,
    arguments: args,
  });
  const text = content.map((block: { text?: string }) => block.text ?? '').join('\n');
  return { isError: isError === true, text, structured: structuredContent };
}
