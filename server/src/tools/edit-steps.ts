/** Reading an object for a read-modify-write: what an edit would change now, guarded against every other change. */
import { ToolError } from '../errors.ts';
import type { JsonPatchStep, KubeGateway, KubeObject } from '../kube/gateway.ts';
import type { EditOperation } from './change-plan.ts';

/** Reads the object, checks that it is still the planned one, and returns the guarded steps (`[]`: nothing to do). */
export async function editSteps(
  kube: KubeGateway,
  operation: EditOperation,
): Promise<{ current: KubeObject; steps: JsonPatchStep[] }> {
  const current = await kube.get(operation.resource, operation.key);
  if (current.metadata.uid !== operation.uid) {
    throw new ToolError(
      'conflict',
      `${operation.key.name} was deleted and made again by somebody else in the meantime.`,
    );
  }
  const steps = operation.edit(current);
  if (steps.length === 0) return { current, steps };
  const guard: JsonPatchStep[] = [
    { op: 'test', path: '/metadata/uid', value: operation.uid },
    { op: 'test', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion },
  ];
  return { current, steps: [...guard, ...steps] };
}
