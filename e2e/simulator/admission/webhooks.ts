/** The operator's admission webhooks, as the API server calls them. */

import { ApiError, invalid, type StatusCause } from '../api/api-error.ts';
import type { Admission, Webhooks } from '../api/machine.ts';
import { cnpgGroup } from '../schemas/kinds.ts';
import { clusterCauses, clusterChangeCauses, clusterWarnings } from './cluster-rules.ts';
import { defaultCluster } from './defaults.ts';
import {
  backupCauses,
  databaseCauses,
  poolerCauses,
  poolerWarnings,
  scheduledBackupCauses,
  scheduledBackupWarnings,
} from './other-rules.ts';

/** The kinds that have a validating webhook; DatabaseRole, Publication, Subscription and catalogs have none. */
const validators: Record<string, (admission: Admission) => { causes: StatusCause[]; warnings: string[] }> = {
  Cluster: ({ object, before }) => ({
    causes: [...clusterCauses(object), ...(before === undefined ? [] : clusterChangeCauses(object, before))],
    warnings: clusterWarnings(object),
  }),
  Backup: ({ object }) => ({ causes: backupCauses(object), warnings: [] }),
  ScheduledBackup: ({ object }) => ({
    causes: scheduledBackupCauses(object),
    warnings: scheduledBackupWarnings(object),
  }),
  Pooler: ({ object }) => ({ causes: poolerCauses(object), warnings: poolerWarnings(object) }),
  Database: ({ object }) => ({ causes: databaseCauses(object), warnings: [] }),
};

const bypassWarning =
  'validation webhook is disabled — all changes are accepted without validation. This may lead to unsafe or destructive operations. Proceed with extreme caution.';

/** Wraps a webhook's own refusal the way the API server hands it to the client. */
function denied(webhook: string, error: ApiError, warnings: string[]): ApiError {
  const message = `admission webhook "${webhook}" denied the request: ${error.message}`;
  const refusal = new ApiError(error.code, error.reason, message, error.details);
  refusal.warnings = warnings;
  return refusal;
}

/** How the webhooks of operator 1.30 name what they refuse: Cluster and Database with slips of the pen. */
function refusedSubject(kind: string, update: boolean): { group: string; kind: string } {
  if (kind === 'Cluster' && update) return { group: 'cluster.cnpg.io', kind };
  if (kind === 'Database') return { group: update ? 'database.cnpg.io' : cnpgGroup, kind: 'Database ' };
  return { group: cnpgGroup, kind };
}

export function webhooks(operatorVersion: string): Webhooks {
  return {
    mutate: ({ type, object }) => {
      if (type.group === cnpgGroup && type.kind === 'Cluster') defaultCluster(object, operatorVersion);
    },
    validate: (admission) => {
      const { type, object } = admission;
      const validator = type.group === cnpgGroup ? validators[type.kind] : undefined;
      if (validator === undefined) return [];
      const { causes, warnings } = validator(admission);
      // The annotation switches validation off, except for ScheduledBackup.
      const bypassed = object.metadata.annotations?.['cnpg.io/validation'] === 'disabled';
      if (bypassed && type.kind !== 'ScheduledBackup') return [bypassWarning];
      if (causes.length > 0) {
        const subject = refusedSubject(type.kind, admission.before !== undefined);
        throw denied(
          `v${type.singular}.cnpg.io`,
          invalid(subject, object.metadata.name, causes),
          type.kind === 'Cluster' ? warnings : [],
        );
      }
      return warnings;
    },
  };
}
