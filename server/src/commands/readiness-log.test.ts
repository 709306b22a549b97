import { describe, expect, it, vi } from 'vitest';
import { ToolError } from '../errors.ts';
import { createLogger } from '../observability/logger.ts';
import { openReadinessLog } from './readiness-log.ts';

/** A cluster that can be broken, and what was logged about it. */
function world() {
  const cluster: { kinds: Set<string>; broken?: Error; asked: number } = {
    kinds: new Set(['clusters']),
    asked: 0,
  };
  const lines: { level: string; msg: string }[] = [];
  const kube = {
    async capabilities() {
      cluster.asked += 1;
      if (cluster.broken) throw cluster.broken;
      return { cnpgKinds: cluster.kinds };
    },
  };
  const logger = createLogger({ stream: { write: (line) => void lines.push(JSON.parse(line)) } });
  return { cluster, lines, log: openReadinessLog(kube as never, logger) };
}

describe('the log', () => {
  it('has one line when calls cannot succeed, with the reason, and one when they can again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { cluster, lines, log } = world();
    const look = async () => {
      vi.setSystemTime(Date.now() + 5_000);
      await log.probe.ask();
      return lines.splice(0).map(({ level, msg }) => `${level}: ${msg}`);
    };
    const remedy = 'What to do about it is told by cnpg-mcp doctor.';
    expect(await look()).toEqual([]);
    cluster.broken = new ToolError('cluster_unreachable', 'The API server cannot be reached.');
    expect(await look()).toEqual([
      `warn: Not ready: kubernetes: The API server cannot be reached. ${remedy}`,
    ]);
    expect(await look()).toEqual([]);
    delete cluster.broken;
    cluster.kinds = new Set();
    const missing = 'Its kinds are not served: the operator is not installed.';
    expect(await look()).toEqual([`warn: Not ready: cloudnative-pg: ${missing} ${remedy}`]);
    cluster.kinds = new Set(['clusters']);
    expect(await look()).toEqual(['info: Ready again: calls can succeed.']);
    vi.useRealTimers();
  });

  it('learns from a call that fails for want of the cluster, and looks at every call until it is there again', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { cluster, lines, log } = world();
    cluster.broken = new ToolError('cluster_unreachable', 'The API server cannot be reached.');
    for (const outcome of ['read', 'not_found', 'forbidden', 'done']) log.called({ outcome });
    expect(cluster.asked).toBe(0);
    log.called({ outcome: 'cluster_unreachable' });
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    delete cluster.broken;
    vi.setSystemTime(Date.now() + 5_000);
    log.called({ outcome: 'read' });
    await vi.waitFor(() => expect(lines.at(-1)?.msg).toBe('Ready again: calls can succeed.'));
    log.called({ outcome: 'read' });
    expect(cluster.asked).toBe(2);
    vi.useRealTimers();
  });
});
