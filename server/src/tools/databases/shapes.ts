/** Arguments and words that the database tools share. */
import { clusterName, postgresName } from '../inputs.ts';

export const databaseInputs = {
  cluster_name: clusterName,
  database_name: postgresName,
};

/** What a reclaim policy means for the data, as a sentence. */
export const reclaimPolicyMeaning = {
  retain:
    'Reclaim policy retain: deleting the Database object later leaves the database and its data in PostgreSQL.',
  delete: 'Reclaim policy delete: deleting the Database object later drops the database with all its data.',
} as const;
