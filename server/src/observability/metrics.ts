/**
 * Prometheus metrics. The only importer of prom-client.
 *
 * Names follow OpenTelemetry's conventions (MCP, HTTP) with dots as underscores. Every label takes a bounded set of values:
 * what a caller can invent becomes `_OTHER`.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { McpOperation } from '../mcp/endpoint.ts';
import type { AuditRecord } from '../tools/pipeline.ts';

/** One request to the API server that has ended. */
export interface KubernetesRequest {
  verb: string;
  /** Plural name of the kind, with the subresource after a slash. Never a name of an object. */
  resource: string;
  /** HTTP status; absent when there was no answer. */
  status?: number;
  durationSeconds: number;
}

/** One HTTP request that was answered. */
export interface ServerRequest {
  method: string;
  /** The route as it is registered; absent when nothing is served at the path. */
  route?: string;
  status: number;
  durationSeconds: number;
}

export interface Metrics {
  operation(operation: McpOperation): void;
  /** Counts a tool call by its outcome, from its audit record. */
  toolCall(record: Pick<AuditRecord, 'tool' | 'effect' | 'outcome'>): void;
  kubernetesRequest(request: KubernetesRequest): void;
  serverRequest(request: ServerRequest): void;
  /** A call was turned away because too many are under way. */
  overloaded(): void;
  /** A request was turned away before anybody worked on it. `rule` is one of a fixed set. */
  refused(rule: string): void;
  /** Registers what counts the MCP requests under way; asked whenever the metrics are read. */
  watchInFlight(count: () => number): void;
  /** Registers what counts the open sessions. */
  watchSessions(count: () => number): void;
  /** Registers what tells whether calls can succeed. */
  watchReadiness(ready: () => Promise<boolean>): void;
  /** Registers what tells whether the tokens file is in force as it is. */
  watchTokensFile(usable: () => Promise<boolean>): void;
  /** Everything in Prometheus' text format. */
  text(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsOptions {
  version: string;
  /** Names of all tools: only these become labels. */
  tools: Iterable<string>;
}

const other = '_OTHER';

const methods = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'tools/call',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'prompts/list',
  'prompts/get',
  'completion/complete',
  'logging/setLevel',
  'subscriptions/listen',
]);
const versions = new Set([
  '2024-10-07',
  '2024-11-05',
  '2025-03-26',
  '2025-06-18',
  '2025-11-25',
  '2026-07-28',
]);
const httpMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Seconds. Up to ten minutes, because a tool may wait for the operator. */
const callBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];
const requestBuckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const known = (value: string | undefined, values: ReadonlySet<string>): string =>
  value === undefined ? '' : values.has(value) ? value : other;

/** `2xx` … `5xx`; `error` when there was no answer. */
const statusClass = (status: number | undefined): string =>
  status === undefined || status < 100 || status > 599 ? 'error' : `${Math.floor(status / 100)}xx`;

/** Makes one registry with everything in it; several in one process do not touch each other. */
export function createMetrics({ version, tools }: MetricsOptions): Metrics {
  const registry = new Registry();
  const toolNames = new Set(tools);
  collectDefaultMetrics({ register: registry });
  // Gauges with the name of a counter, and sums of what is there by type.
  for (const kind of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);

  new Gauge({
    name: 'cnpg_mcp_build_info',
    help: 'Version of the server and of Node.js; the value is always 1.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.versions.node }, 1);
  const operations = new Histogram({
    name: 'mcp_server_operation_duration_seconds',
    help: 'Duration of MCP requests, by method and tool. error_type is empty when the request succeeded.',
    labelNames: [
      'mcp_method_name',
      'gen_ai_tool_name',
      'mcp_protocol_version',
      'network_transport',
      'error_type',
    ],
    buckets: callBuckets,
    registers: [registry],
  });
  const toolCalls = new Counter({
    name: 'cnpg_mcp_tool_calls_total',
    help: 'Tool calls by effect and outcome: read, the state of a change, or the code of the error.',
    labelNames: ['gen_ai_tool_name', 'effect', 'outcome'],
    registers: [registry],
  });
  const kubernetes = new Histogram({
    name: 'http_client_request_duration_seconds',
    help: 'Duration of requests to the Kubernetes API server.',
    labelNames: ['verb', 'resource', 'status_class'],
    buckets: requestBuckets,
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP requests to this server, streams included.',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
    buckets: callBuckets,
    registers: [registry],
  });
  const overloads = new Counter({
    name: 'cnpg_mcp_overloaded_total',
    help: 'MCP requests that were answered 503 because too many were under way.',
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'cnpg_mcp_refused_total',
    help: 'MCP requests that were turned away before anybody worked on them, by the rule that decided.',
    labelNames: ['rule'],
    registers: [registry],
  });
  const watch = (name: string, help: string, count: () => number | Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await count());
      },
    });
  };

  return {
    operation({ method, tool, protocolVersion, transport, errorType, durationSeconds }) {
      operations.observe(
        {
          mcp_method_name: known(method, methods),
          gen_ai_tool_name: known(tool, toolNames),
          mcp_protocol_version: known(protocolVersion, versions),
          network_transport: transport === 'http' ? 'tcp' : 'pipe',
          error_type: errorType ?? '',
        },
        durationSeconds,
      );
    },
    toolCall: ({ tool, effect, outcome }) =>
      toolCalls.inc({ gen_ai_tool_name: known(tool, toolNames), effect, outcome }),
    kubernetesRequest: ({ verb, resource, status, durationSeconds }) =>
      kubernetes.observe({ verb, resource, status_class: statusClass(status) }, durationSeconds),
    serverRequest: ({ method, route, status, durationSeconds }) =>
      requests.observe(
        {
          http_request_method: known(method, httpMethods),
          http_route: route ?? '',
          http_response_status_code: String(status),
        },
        durationSeconds,
      ),
    overloaded: () => overloads.inc(),
    refused: (rule) => refusals.inc({ rule }),
    watchInFlight: (count) => watch('http_server_active_requests', 'MCP requests under way.', count),
    watchSessions: (count) => watch('cnpg_mcp_sessions', 'Open sessions.', count),
    watchReadiness: (ready) =>
      watch(
        'cnpg_mcp_ready',
        '1 while calls can succeed; 0 while they cannot, for the reason that /readyz gives.',
        async () => Number(await ready()),
      ),
    watchTokensFile: (usable) =>
      watch(
        'cnpg_mcp_tokens_file_usable',
        '1 while the tokens file is in force; 0 while it cannot be used and the tokens read before stay valid.',
        async () => Number(await usable()),
      ),
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
