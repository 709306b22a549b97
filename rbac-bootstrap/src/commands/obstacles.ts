import type { Api } from '../api.ts';
import { obstaclesTo, type Plan } from '../plan.ts';
import { listOf, type Output } from './command.ts';

/** Says which rights the caller lacks for the plan, and what follows from it. Returns true when there is nothing to say. */
export async function tellObstacles(
  plan: Plan,
  api: Api,
  { error }: Output,
  consequence: string,
): Promise<boolean> {
  const obstacles = await obstaclesTo(plan, api);
  if (obstacles.length === 0) return true;
  error(`${await api.whoAmI()} cannot write all of this, ${consequence}.\n`);
  for (const { object, lacks, remedy } of obstacles)
    error(`\n${object} needs what you lack:\n${listOf(lacks)}${remedy}\n`);
  return false;
}
