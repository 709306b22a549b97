/**
 * Writes server/src/cnpg/parameter-table.ts from what real servers say of their parameters: at least one file for each
 * major version, and better several, from builds that differ. Run it anew for a new major or a newer minor version.
 *
 *   psql -Atc 'select json_agg(s) from pg_settings s' > 17.json
 *   pnpm run parameters 13.json 14.json ...
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A row of pg_settings. */
interface Setting {
  name: string;
  vartype: 'bool' | 'integer' | 'real' | 'enum' | 'string';
  context: string;
  setting: string;
  unit: string | null;
  min_val: string | null;
  max_val: string | null;
  enumvals: string[] | null;
}

interface Build {
  major: number;
  settings: Map<string, Setting>;
}

/** Taken by every version, whether or not it has a row: old names (map_old_guc_names in guc.c), and what may be off only. */
const takenByAll = ['default_with_oids', 'sort_mem', 'ssl_ecdh_curve', 'vacuum_mem'];
/** Refused in a configuration file although the context does not say so (GUC_DISALLOW_IN_FILE). */
const notInFiles =
  /^(transaction_(deferrable|isolation|read_only)|role|session_authorization|seed|is_superuser)$/;
/** What these may be depends on the platform and on how PostgreSQL was built. */
const ofTheBuild =
  /^(io_method|file_copy_method|wal_sync_method|dynamic_shared_memory_type|shared_memory_type|syslog_facility)$/;

/** Values that PostgreSQL takes and does not list, as ALTER SYSTEM showed for 13 to 18. */
function hiddenValues({ name, enumvals }: Setting): string[] {
  const has = (value: string): boolean => enumvals?.includes(value) === true;
  return [
    ...(has('off') || name === 'password_encryption' ? ['on', 'true', 'false', 'yes', 'no', '1', '0'] : []),
    ...(has('debug5') ? ['debug', 'info'] : []),
    ...(name === 'wal_level' ? ['archive', 'hot_standby'] : []),
  ];
}

const files = process.argv.slice(2);
if (files.length === 0) {
  process.stderr.write(
    'Name the files with pg_settings, at least one for each major version: 13.json 14.json ...\n',
  );
  process.exit(2);
}
const builds = files.map((file): Build => {
  const rows = JSON.parse(readFileSync(file, 'utf8')) as Setting[];
  const settings = new Map(rows.map((row) => [row.name, row]));
  return {
    major: Math.floor(Number(settings.get('server_version_num')?.setting) / 10_000),
    settings,
  };
});
const majors = [...new Set(builds.map(({ major }) => major))].sort((a, b) => a - b);
const [oldest, newest] = [majors[0], majors.at(-1)];

/** `@15-`, `@-16`, `@14-16`: the majors that know it. Nothing for all, and where builds of one major disagree. */
function range(name: string): string {
  const having = majors.filter((major) =>
    builds.some((build) => build.major === major && build.settings.has(name)),
  );
  const disputed = builds.some((build) => having.includes(build.major) && !build.settings.has(name));
  const [from, to] = [having[0], having.at(-1)];
  if (takenByAll.includes(name) || disputed || (from === oldest && to === newest)) return '';
  return `@${from === oldest ? '' : from}-${to === newest ? '' : to}`;
}

type Kind = 'fixed' | 'booleans' | 'texts' | 'words' | 'numbers';

/** What holds in every build, so that a value that is refused by it is refused by all of them. */
function entry(name: string): { kind: Kind; text: string } {
  const rows = builds.flatMap(({ settings }) => settings.get(name) ?? []);
  const label = `${name}${range(name)}`;
  const same = (of: (row: Setting) => unknown): boolean =>
    new Set(rows.map((row) => JSON.stringify(of(row)))).size === 1;
  const [row] = rows;
  if (!row || !same(({ vartype, unit }) => [vartype, unit])) return { kind: 'texts', text: label };
  if (row.context === 'internal' || notInFiles.test(name)) return { kind: 'fixed', text: label };
  if (row.vartype === 'bool') return { kind: 'booleans', text: label };
  if (row.vartype === 'enum' && same(({ enumvals }) => enumvals) && !ofTheBuild.test(name)) {
    const values = new Set([...(row.enumvals ?? []), ...hiddenValues(row)]);
    return { kind: 'words', text: `${label}=${[...values].join('|')}` };
  }
  if (row.vartype === 'integer' || row.vartype === 'real') {
    const least = Math.min(...rows.map(({ min_val }) => Number(min_val)));
    const most = Math.max(...rows.map(({ max_val }) => Number(max_val)));
    const [from, to] = row.vartype === 'real' ? [asReal(least), asReal(most)] : [least, most];
    return { kind: 'numbers', text: `${label}=${from}..${to}${row.unit === null ? '' : ` ${row.unit}`}` };
  }
  return { kind: 'texts', text: label };
}

/** With a point, which tells it from an integer: PostgreSQL rounds what is given for those. */
const asReal = (bound: number): string => (Number.isInteger(bound) ? bound.toFixed(1) : String(bound));

function wrapped(items: string[]): string {
  const lines: string[] = [];
  for (const item of items) {
    const line = lines.at(-1);
    if (line === undefined || line.length + item.length > 124) lines.push(`  ${item}`);
    else lines[lines.length - 1] = `${line}, ${item}`;
  }
  return lines.join(',\n');
}

const names = new Set([...builds.flatMap(({ settings }) => [...settings.keys()]), ...takenByAll]);
const entries = [...names].sort().map(entry);
const versions = builds
  .map(({ settings }) => Number(settings.get('server_version_num')?.setting))
  .map((version) => `${Math.floor(version / 10_000)}.${version % 10_000}`);
const kinds: Record<Kind, string> = {
  fixed: 'PostgreSQL tells them, and lets nobody set them in its configuration.',
  booleans: 'On or off.',
  texts: 'Free text, and whatever differs between versions or builds so that its values are not checked.',
  words: 'One of some words.',
  numbers:
    'Least and greatest, real numbers with a point, then the unit of both and of a number without one.',
};
const table = `/**
 * The parameters of PostgreSQL ${oldest} to ${newest}: written by server/scripts/postgres-parameters.ts, which says how, from pg_settings of
 * ${versions.join(', ')}. \`@15-\` after a name: since 15; \`@-16\`: until 16.
 */
export const parameterTable = {
  majors: { oldest: ${oldest}, newest: ${newest} },
${(Object.keys(kinds) as Kind[])
  .map(
    (kind) =>
      `  /** ${kinds[kind]} */\n  ${kind}: \`\n${wrapped(entries.filter((each) => each.kind === kind).map(({ text }) => text))}\`,`,
  )
  .join('\n')}
};
`;
writeFileSync(fileURLToPath(new URL('../src/cnpg/parameter-table.ts', import.meta.url)), table);
