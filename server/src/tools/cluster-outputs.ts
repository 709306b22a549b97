/** What several tools answer about a cluster that they waited for. */
import { z } from 'zod';
import { readyInstances } from '../cnpg/cluster-health.ts';
import { phaseText } from '../cnpg/cluster-view.ts';
import { instanceSerial } from '../cnpg/names.ts';
import type { ReadyVerdict } from '../cnpg/ready-verdict.ts';
import type { Fence } from './fence.ts';

/** Present when the tool waited. */
export const readyShape = {
  ready_instances: z.int().optional(),
  phase: z.string().optional(),
  primary: z.string().optional(),
  elapsed_seconds: z.int().optional(),
};

/** The cluster as it was seen last. */
export function seenIn(verdict: ReadyVerdict, fence: Fence): z.input<z.ZodObject<typeof readyShape>> {
  const { cluster, elapsedSeconds } = verdict;
  if (!cluster) return { elapsed_seconds: elapsedSeconds };
  const primary = cluster.status?.currentPrimary ?? '';
  return {
    ready_instances: readyInstances(cluster),
    phase: phaseText(cluster, fence.quote.bind(fence)),
    ...(instanceSerial(cluster.metadata.name, primary) !== undefined && { primary }),
    elapsed_seconds: elapsedSeconds,
  };
}
