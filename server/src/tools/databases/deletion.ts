/** What deleting a Database object means, and watching it go. */
import { dropsDatabase } from '../../cnpg/databases.ts';
import type { Database } from '../../cnpg/types.ts';
import { ToolError } from '../../errors.ts';
import type { ToolContext } from '../define-tool.ts';

export interface DeletionFacts {
  /** As the plan read it. */
  object: Database;
  policy: 'retain' | 'delete';
  /** The operator drops the database with the object. */
  drops: boolean;
  /** The object said `ensure: absent`. */
  absent: boolean;
  primary: string | undefined;
}

/** What the reclaim policy means for this object, before anything is done. */
export function consequence(object: Database, name: string): string[] {
  const { spec } = object;
  if (dropsDatabase(object))
    return [
      `Reclaim policy delete: PostgreSQL drops the database ${name}, as soon as nobody is connected to it.`,
    ];
  if (spec.ensure === 'absent') return ['ensure is absent: the operator was to drop the database already.'];
  if (spec.databaseReclaimPolicy === 'delete') {
    return [
      'The operator has never applied this object, so it drops nothing although the reclaim policy is delete.',
    ];
  }
  return [
    `Reclaim policy retain: only the object goes, the database ${name} and its data stay in PostgreSQL.`,
  ];
}

/** True when the very object is gone within the time. */
export async function untilGone(
  context: ToolContext,
  { metadata: { name, uid } }: Database,
  timeoutSeconds: number,
): Promise<boolean> {
  try {
    return await context.kube.watchUntil(
      'databases',
      { name, namespace: context.namespace.name, signal: context.signal, timeoutSeconds },
      ([object]) => (object?.metadata.uid === uid ? 'continue' : { done: true }),
    );
  } catch (thrown) {
    if (thrown instanceof ToolError && thrown.code === 'timeout') return false;
    throw thrown;
  }
}

/** The operator reports a DROP that fails nowhere but in its log (operator 1.30.0). `seconds`: how long it was watched. */
export function stillThere({ object, drops, primary }: DeletionFacts, seconds: number): string {
  const { name } = object.metadata;
  if (seconds === 0) return `Database ${name} is being deleted; that it is gone was not waited for.`;
  const why = drops
    ? ` Most often somebody is connected to ${object.spec.name}. The operator goes on trying, and says why only in the log of ${primary ?? 'the primary'}.`
    : '';
  return `Database ${name} is still terminating after ${seconds} s.${why}`;
}
