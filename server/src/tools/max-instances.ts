import type { Refusal } from './change-plan.ts';
import { countInstances } from './cluster-inputs.ts';
import type { ToolSettings } from './settings.ts';

/** Refuses more instances than this site allows for one cluster. */
export function refuseTooMany({ maxInstances: most }: ToolSettings, wanted: number): Refusal[] {
  if (wanted <= most) return [];
  return [
    {
      reason: `This server allows at most ${countInstances(most)} for a cluster.`,
      lift: `Ask for ${most} or fewer, or have the administrator of this server raise maxInstances.`,
    },
  ];
}
