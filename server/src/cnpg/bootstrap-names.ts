/** Names that the first database of a Cluster and its owner can have. */
import { isReservedDatabase, reservedRoleReason } from './role-names.ts';
import type { Objection } from './scaling.ts';

/**
 * What stands against bootstrapping with these names. The API server takes them all; the job that makes the data directory
 * then fails again and again, and nothing on the Cluster says so.
 *
 * The operator writes the database unquoted into a connection string (`dbname=my db`, 1.30), so a space ends its name. Upper
 * case, digits in front, `-`, `.`, `$`, SQL keywords and letters of any script work for both, a space works for the owner.
 */
export function objectionsToBootstrap({ database, owner }: { database: string; owner: string }): Objection[] {
  const objections: Objection[] = [];
  if (isReservedDatabase(database)) {
    objections.push({
      reason: `The database ${database} is on every PostgreSQL server already, so it cannot be made for an application.`,
      lift: 'Give database another name, or leave it out: app.',
    });
  } else if (database.includes(' ')) {
    objections.push({
      reason: `The operator cannot make a cluster whose first database has a space in its name ("${database}").`,
      lift: 'Give database a name without a space; create_postgres_database can make others afterwards.',
    });
  }
  const taken = reservedRoleReason(owner);
  if (taken !== undefined) {
    objections.push({
      reason: `The role ${owner} cannot own the database: ${taken}.`,
      lift: 'Give owner another name.',
    });
  }
  return objections;
}
