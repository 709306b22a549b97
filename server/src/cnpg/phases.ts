/** The phases that the operator writes into `Cluster.status.phase`, word for word (api/v1/cluster_types.go, 1.30). */

export const healthyPhase = 'Cluster in healthy state';

/** Phases that pass by themselves. */
const movingPhases: ReadonlySet<string> = new Set([
  'Setting up primary',
  'Creating a new replica',
  'Waiting for the instances to become active',
  'Switchover in progress',
  'Failing over',
  'Promoting to primary cluster',
  'Upgrading cluster',
  'Upgrading Postgres major version',
  'Online upgrade in progress',
  'Applying configuration',
  'Cluster upgrade delayed',
  'Primary instance is being restarted in-place',
  'Primary instance is being restarted without a switchover',
]);

/** Phases in which the operator waits for a person, and what that person can do. */
const stuckPhases: Readonly<Record<string, string>> = {
  'Waiting for user action':
    'primaryUpdateStrategy is supervised: a person has to restart the primary or switch over.',
  'Cluster is unrecoverable and needs manual intervention':
    'Look at the logs of its pods and jobs; the operator does nothing more by itself.',
  'Cluster has incomplete or invalid image catalog':
    'Correct the image catalog or the major version that the cluster refers to.',
  'Cluster cannot proceed to reconciliation due to an unknown plugin being required':
    'Install the plugin that spec.plugins names, or take it out of the spec.',
  'Cluster cannot proceed to reconciliation due to an error while interacting with plugins':
    'Look at the plugin: its pod, its certificates, its configuration.',
  'Cluster cannot execute instance online upgrade due to missing architecture binary':
    'Use an operator image that holds the architecture of the nodes.',
  'Unable to create required cluster objects':
    "Look at the reason and the operator's log: a Secret that the Cluster names, a right or a quota may be missing.",
  'Invalid cluster definition': 'Correct the field that the reason names.',
  'Not enough disk space':
    'Enlarge the volume claims of the instances, then the storage size in the Cluster.',
};

export type PhaseKind = 'healthy' | 'moving' | 'stuck' | 'unknown';

/** What a phase means. `unknown`: none yet, or one of another operator version. */
export function phaseKind(phase: string | undefined): PhaseKind {
  if (phase === healthyPhase) return 'healthy';
  if (phase !== undefined && movingPhases.has(phase)) return 'moving';
  return phase !== undefined && Object.hasOwn(stuckPhases, phase) ? 'stuck' : 'unknown';
}

/** What a person can do about a phase that does not pass by itself. */
export function phaseRemedy(phase: string | undefined): string | undefined {
  return phaseKind(phase) === 'stuck' ? stuckPhases[phase as string] : undefined;
}

/** Phases in which another instance takes over the primary's role. */
export function isRoleChange(phase: string | undefined): boolean {
  return (
    phase === 'Switchover in progress' || phase === 'Failing over' || phase === 'Promoting to primary cluster'
  );
}
