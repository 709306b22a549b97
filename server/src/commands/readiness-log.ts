/** Whether calls can succeed, told to the log whenever that changes: once when it ends, and once when it is so again. */
import type { ErrorCode } from '../errors.ts';
import { ReadinessProbe } from '../http/health.ts';
import type { OwnReadiness, ReadinessCheck } from '../http/readiness.ts';
import type { KubeGateway } from '../kube/gateway.ts';
import type { Logger } from '../observability/logger.ts';
import { checkReadinessOf } from '../readiness.ts';
import type { AuditRecord } from '../tools/pipeline.ts';

export interface ReadinessLog {
  probe: ReadinessProbe;
  /** Tells of a call that has ended: where nobody asks `/readyz`, calls are what notices. */
  called(record: Pick<AuditRecord, 'outcome'>): void;
}

/** Codes of calls that no other call of the moment would fare better than. */
const ofTheCluster: ReadonlySet<string> = new Set<ErrorCode>([
  'cluster_unreachable',
  'cluster_not_configured',
  'not_authenticated',
  'operator_missing',
  'timeout',
]);

/** Nothing is asked of the cluster before the first request to `/readyz`, or the first call that fails for want of it. */
export function openReadinessLog(kube: KubeGateway, logger: Logger, own?: OwnReadiness): ReadinessLog {
  const probe = new ReadinessProbe(checkReadinessOf(kube), own, {
    onChange: (failing) =>
      failing.length === 0
        ? logger.info('Ready again: calls can succeed.')
        : logger.warn(
            `Not ready: ${failing.map(sentence).join(' ')} What to do about it is told by cnpg-mcp doctor.`,
          ),
  });
  return {
    probe,
    called({ outcome }) {
      if (ofTheCluster.has(outcome) || !probe.ready) void probe.ask();
    },
  };
}

const sentence = ({ name, reason }: ReadinessCheck): string => `${name}: ${reason ?? 'It does not work.'}`;
