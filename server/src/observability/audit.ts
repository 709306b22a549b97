/** The audit log: one JSON line per tool call. Names, numbers and decisions; never arguments' values, answers or secrets. */
import type { StreamEndObserver } from '../mcp/held-streams.ts';
import { cleanText } from '../tools/fence.ts';
import type { AuditRecord } from '../tools/pipeline.ts';
import type { Logger } from './logger.ts';

export interface AuditOptions {
  /** Where the lines go: stdout in http mode, stderr on stdio. */
  stream: { write(line: string): unknown };
  /** Gets the causes of `internal` errors, which are for maintainers and not for the audit. */
  logger: Logger;
  now?: () => Date;
}

/** A request that was turned away before it reached a tool. */
export interface RefusalRecord {
  requestId: string;
  /** Where it came from. */
  address: string;
  method: string;
  /** HTTP status of the answer. */
  status: number;
  rule: string;
  /** The tool that was called, when the request came that far. */
  tool?: string;
  /** Who it was, when that was known. */
  principal?: string;
  displayName?: string;
  client?: string;
}

export interface Audit {
  /** Called once for every tool call, by the pipeline. */
  toolCall(record: AuditRecord): void;
  refusal(record: RefusalRecord): void;
  /** Called once for every stream that was ended because its caller may no longer have it. */
  streamEnd: StreamEndObserver;
}

/** Makes the audit log. */
export function createAudit({ stream, logger, now = () => new Date() }: AuditOptions): Audit {
  const write = (line: Record<string, unknown>): void => void stream.write(`${JSON.stringify(line)}\n`);
  return {
    toolCall(record) {
      write(auditLine(record, now()));
      if (record.cause !== undefined) {
        logger.error(
          { requestId: record.requestId, tool: record.tool, cause: record.cause },
          'A tool call failed with an internal error.',
        );
      }
    },
    refusal: (record) => write(refusalLine(record, now())),
    streamEnd: ({ caller: { principal, requestId }, method }, rule) =>
      write({
        type: 'stream_end',
        time: now().toISOString(),
        request_id: clean(requestId),
        principal: clean(principal.id),
        display_name: clean(principal.displayName),
        client: clean(principal.client),
        method,
        rule,
      }),
  };
}

/** Longest text in a line; names of Kubernetes are shorter. */
const longestText = 256;

const clean = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : cleanText(text, longestText);

function refusalLine(record: RefusalRecord, time: Date): Record<string, unknown> {
  return {
    type: 'refusal',
    time: time.toISOString(),
    request_id: clean(record.requestId),
    address: clean(record.address),
    principal: clean(record.principal),
    display_name: clean(record.displayName),
    client: clean(record.client),
    method: record.method,
    status: record.status,
    rule: record.rule,
    tool: clean(record.tool),
  };
}

function auditLine(record: AuditRecord, time: Date): Record<string, unknown> {
  return {
    type: 'audit',
    time: time.toISOString(),
    request_id: clean(record.requestId),
    principal: clean(record.principal),
    display_name: clean(record.displayName),
    client: clean(record.client),
    tool: record.tool,
    effect: record.effect,
    namespace: clean(record.namespace),
    object: clean(record.object),
    cluster: clean(record.cluster),
    decision: record.decision.allowed ? 'allowed' : 'denied',
    rule: clean(record.decision.rule),
    outcome: record.outcome,
    changed: record.changed,
    plan_digest: record.planDigest,
    kubernetes_user: clean(record.kubernetesUser),
    traceparent: clean(record.traceparent),
    duration_seconds: Math.round(record.durationSeconds * 1e6) / 1e6,
  };
}
