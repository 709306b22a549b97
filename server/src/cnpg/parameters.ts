/**
 * What PostgreSQL would say to a cluster's parameters. API server and operator take unknown names and most wrong values; the
 * job that makes the data directory then fails again and again, because PostgreSQL does not start.
 */
import { closest, editDistance } from '../closest.ts';
import { parameterTable } from './parameter-table.ts';
import { amountOf, objectionToValue } from './parameter-value.ts';
import type { Objection } from './scaling.ts';

/** Which PostgreSQL the parameters are for. */
export interface ParameterTarget {
  /** Undefined where neither version nor image tell it. */
  major: number | undefined;
  /** The image is one that the caller named: it may be a build that has parameters of its own. */
  ownBuild: boolean;
}

interface Known {
  name: string;
  from: number;
  to: number;
  kind: 'fixed' | 'booleans' | 'texts' | 'words' | 'numbers';
  /** Of words and numbers. */
  allowed: string;
}

const { majors } = parameterTable;
const entryPattern = /^(?<name>\w+)(?:@(?<from>\d*)-(?<to>\d*))?(?:=(?<allowed>.*))?$/;

function entriesOf(kind: Known['kind']): Known[] {
  return parameterTable[kind]
    .trim()
    .split(/,\s+/)
    .map((entry) => {
      const { name = '', from, to, allowed = '' } = entryPattern.exec(entry)?.groups ?? {};
      return { name, from: Number(from) || 0, to: Number(to) || Number.POSITIVE_INFINITY, kind, allowed };
    });
}

/** By the name in lower case, made at the first use. */
let table: ReadonlyMap<string, Known> | undefined;

function knownParameters(): ReadonlyMap<string, Known> {
  const kinds = ['fixed', 'booleans', 'texts', 'words', 'numbers'] as const;
  table ??= new Map(kinds.flatMap(entriesOf).map((known) => [known.name.toLowerCase(), known]));
  return table;
}

/**
 * What stands against these parameters. `warnings` is what may be right in spite of the table: names in a major that it does
 * not cover, or in an image that the caller named. Names with a dot are an extension's, which PostgreSQL takes unseen.
 */
export function judgeParameters(
  parameters: Readonly<Record<string, string>>,
  target: ParameterTarget,
): { objections: Objection[]; warnings: string[] } {
  const objections: Objection[] = [];
  const warnings: string[] = [];
  const covered =
    target.major !== undefined && target.major >= majors.oldest && target.major <= majors.newest;
  const each = Object.entries(parameters).flatMap(([name, value]) =>
    name.includes('.') ? [] : (problemOf(name, value, target.major) ?? []),
  );
  for (const { reason, lift, sure } of [...each, ...problemsTogether(parameters)]) {
    if (sure === 'always' || (covered && (sure === 'in_major' || !target.ownBuild))) {
      objections.push({ reason, lift });
    } else {
      warnings.push(`${reason} Unless this image takes it, the cluster will not start.`);
    }
  }
  return { objections, warnings };
}

interface Problem {
  reason: string;
  lift: string;
  /** `always`, in every build of a major that the table covers, or only in the common builds of such a major. */
  sure: 'always' | 'in_major' | 'in_common_builds';
}

function problemOf(name: string, value: string, major: number | undefined): Problem | undefined {
  const known = knownParameters().get(name.toLowerCase());
  if (!known || (major !== undefined && (major < known.from || major > known.to))) {
    return unknownName(name, known, major);
  }
  if (name !== known.name && name !== known.name.toLowerCase()) {
    return {
      reason: `The parameter ${name} is written ${known.name}: the operator, which fills in and protects parameters, compares the letters.`,
      lift: `Write ${known.name}.`,
      sure: 'always',
    };
  }
  if (known.kind === 'fixed') {
    return {
      reason: `PostgreSQL does not start with the parameter ${name}, which nobody can set.`,
      lift: 'Leave it out.',
      sure: 'in_major',
    };
  }
  const takes = objectionToValue(known, value);
  if (takes === undefined) return undefined;
  return {
    reason: `PostgreSQL does not start with ${name} ${JSON.stringify(value.slice(0, 60))}: it takes ${takes}.`,
    lift: 'Give another value, or leave the parameter out.',
    sure: 'in_major',
  };
}

/** What PostgreSQL checks when it starts, beyond each value by itself (17.12). A value that it cannot read is told on its own. */
function problemsTogether(parameters: Readonly<Record<string, string>>): Problem[] {
  const problems: Problem[] = [];
  const amount = (name: string, otherwise: number, base?: string): number =>
    amountOf(parameters[name] ?? String(otherwise), base) ?? otherwise;
  const connections = amount('max_connections', 100);
  const reserved = amount('superuser_reserved_connections', 3) + amount('reserved_connections', 0);
  if (reserved >= connections) {
    problems.push({
      reason: `PostgreSQL does not start with max_connections ${connections}: superuser_reserved_connections and reserved_connections, together ${reserved}, must be less.`,
      lift: 'Raise max_connections, or lower the other two.',
      sure: 'in_major',
    });
  }
  for (const name of ['min_wal_size', 'max_wal_size']) {
    if (amount(name, leastWalSize, 'MB') >= leastWalSize) continue;
    problems.push({
      reason: `PostgreSQL does not start with ${name} ${JSON.stringify(parameters[name]?.slice(0, 60))}: it takes at least two WAL segments, ${leastWalSize}MB.`,
      lift: `Give at least ${leastWalSize}MB, or leave the parameter out.`,
      sure: 'in_common_builds',
    });
  }
  return problems;
}

/** In MB: two segments of the size that a cluster made here has. */
const leastWalSize = 32;

/** Farther away than this it may be another parameter rather than a slip. */
const slip = 2;

function unknownName(name: string, known: Known | undefined, major: number | undefined): Problem {
  const postgres = major === undefined ? 'PostgreSQL' : `PostgreSQL ${major}`;
  const start = `${postgres} does not start with the parameter ${name}, which it does not know`;
  const sure = 'in_common_builds';
  const lift =
    'Correct the name or leave the parameter out. Where the image has it all the same, name the image itself with `image`.';
  if (known) {
    const has = major !== undefined && major < known.from ? `since ${known.from}` : `only until ${known.to}`;
    return { reason: `${start}: there is one ${has}.`, lift, sure };
  }
  const names = [...knownParameters().values()]
    .filter(
      ({ kind, from, to }) => kind !== 'fixed' && (major === undefined || (major >= from && major <= to)),
    )
    .map((each) => each.name);
  const meant = closest(name.toLowerCase(), names);
  if (meant === undefined) return { reason: `${start}.`, lift, sure };
  const reason = `${start}: did you mean ${meant}?`;
  return editDistance(name.toLowerCase(), meant) > slip
    ? { reason, lift, sure }
    : { reason, lift: `Write ${meant}, or leave the parameter out.`, sure: 'in_major' };
}
