/** The audit log: one JSON line per tool call. Names, numbers and decisions; never arguments' values, answers or secrets. */
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

/** Makes the function that the pipeline calls once for every tool call. */
export function createAudit({ stream, logger, now = () => new Date() }: AuditOptions) {
  return (record: AuditRecord): void => {
    stream.write(`${JSON.stringify(auditLine(record, now()))}\n`);
    if (record.cause !== undefined) {
      logger.error(
        { requestId: record.requestId, tool: record.tool, cause: record.cause },
        'A tool call failed with an internal error.',
      );
    }
  };
}

/** Longest text in a line; names of Kubernetes are shorter. */
const longestText = 256;

function auditLine(record: AuditRecord, time: Date): Record<string, unknown> {
  const clean = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : cleanText(text, longestText);
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
    decision: record.decision.allowed ? 'allowed' : 'denied',
    rule: clean(record.decision.rule),
    outcome: record.outcome,
    plan_digest: record.planDigest,
    kubernetes_user: clean(record.kubernetesUser),
    traceparent: clean(record.traceparent),
    duration_seconds: Math.round(record.durationSeconds * 1e6) / 1e6,
  };
}
