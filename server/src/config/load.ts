/** Puts the configuration together: flags, then environment, then file, then defaults. Everything wrong is said at once. */
import type { z } from 'zod';
import { closest, editDistance } from '../closest.ts';
import { resolveImage } from '../cnpg/images.ts';
import { readOidcFile } from './oidc-file.ts';
import { type Config, configSchema, settings } from './schema.ts';
import type { Setting } from './setting.ts';
import { readText } from './text-value.ts';
import { UsageError } from './usage-error.ts';
import { readYamlFile, shownKey } from './yaml-file.ts';

/** Variable that names the configuration file when `--config` does not. */
export const fileVariable = 'CNPG_MCP_CONFIG';

export interface ConfigSources {
  /** Values by flag, without dashes, as written. */
  flags?: ReadonlyMap<string, string>;
  environment: NodeJS.ProcessEnv;
  /** Path of a YAML (or JSON) file. Omitted: `CNPG_MCP_CONFIG`, if set. */
  file?: string | undefined;
  /** Where an `oidc.yaml` is looked for when auth.oidcFile does not name one. Omitted: nowhere. */
  oidcFilePlaces?: readonly string[];
}

export interface LoadedConfig {
  config: Config;
  /** Where each setting that is not a default came from, by key: `flag --port`, `environment PORT`, `file ./x.yaml`. */
  origins: ReadonlyMap<string, string>;
  /** What was found and has no effect, one sentence each. */
  warnings: readonly string[];
}

/** Loads and checks the configuration. Throws {@link UsageError} with one line for each thing that is wrong. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const problems: string[] = [];
  const given = new Map<string, { value: unknown; origin: string }>();
  const file = sources.file ?? nonEmpty(sources.environment[fileVariable]);
  if (file !== undefined) {
    const content = await readYamlFile(file);
    for (const [key, value] of flatten(content, `file ${file}`, problems)) {
      given.set(key, { value, origin: `file ${file}` });
    }
  }
  for (const { key, environment, kind } of settings) {
    const name = environment.find((candidate) => isSet(candidate, sources.environment[candidate]));
    if (name === undefined) continue;
    const value = readText(sources.environment[name] as string, kind);
    given.set(key, { value, origin: `environment ${name}` });
  }
  problems.push(...misspeltVariables(sources.environment));
  for (const { key, flag, kind } of settings) {
    const text = flag === undefined ? undefined : sources.flags?.get(flag);
    if (text !== undefined) given.set(key, { value: readText(text, kind), origin: `flag --${flag}` });
  }

  const oidcFile = await readOidcFile(
    given.get('auth.oidcFile')?.value as string | undefined,
    sources.oidcFilePlaces ?? [],
  );
  for (const [key, value] of oidcFile?.settings ?? []) {
    if (!given.has(key)) given.set(key, { value, origin: `file ${oidcFile?.path}` });
  }

  const origins = new Map([...given].map(([key, { origin }]) => [key, origin]));
  const parsed = configSchema.safeParse(nest(given));
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describe(issue, origins)));
  const { data } = parsed;
  if (data) problems.push(...unusableVersion(data, origins));
  if (given.has('confirmationKey') && given.has('confirmationKeyFile')) {
    problems.push('confirmationKey and confirmationKeyFile exclude each other: give one.');
  }
  if (!parsed.success || problems.length > 0) {
    throw new UsageError(`The configuration is wrong.\n${problems.map((line) => `  ${line}`).join('\n')}`);
  }
  return { config: parsed.data, origins, warnings: oidcFile?.warnings ?? [] };
}

/** Settings of a file by dotted key. Unknown keys become problems that name the closest known one. */
function flatten(
  content: object,
  origin: string,
  problems: string[],
  parents: readonly string[] = [],
): [string, unknown][] {
  return Object.entries(content).flatMap(([name, value]): [string, unknown][] => {
    const key = [...parents, name].join('.');
    // `key:` without a value is how YAML leaves a setting out.
    if (settings.some((setting) => setting.key === key)) return value === null ? [] : [[key, value]];
    const isLevel = settings.some((setting) => setting.key.startsWith(`${key}.`));
    if (isLevel && value !== null && typeof value === 'object') {
      return flatten(value, origin, problems, [...parents, name]);
    }
    problems.push(
      `${[...parents, shownKey(name)].join('.')} (${origin}): ${
        isLevel
          ? 'holds settings of its own'
          : unknown(
              key,
              settings.map((s) => s.key),
            )
      }`,
    );
    return [];
  });
}

function unknown(word: string, known: readonly string[]): string {
  const meant = closest(word, known);
  return `there is no such setting${meant ? `; did you mean ${meant}?` : ''}`;
}

/**
 * Kubernetes sets variables for every Service in the namespace, and for one named cnpg-mcp they are CNPG_MCP_PORT=tcp://…,
 * CNPG_MCP_SERVICE_HOST and so on. They are nobody's configuration.
 */
function isSet(name: string, value: string | undefined): value is string {
  return (
    nonEmpty(value) !== undefined &&
    !(name === 'CNPG_MCP_PORT' && /^(tcp|udp|sctp):\/\//.test(value as string))
  );
}

/**
 * Variables that were meant for this server but are spelt wrong: a server that is believed to be read-only must not start.
 * Others with the prefix (service links, tools around the server) are left alone.
 */
function misspeltVariables(environment: NodeJS.ProcessEnv): string[] {
  const known = [...settings.flatMap((setting) => setting.environment), fileVariable];
  const bare = (name: string): string => name.replaceAll('_', '');
  return Object.keys(environment).flatMap((name) => {
    if (!/^CNPG_?MCP_?/i.test(name) || known.includes(name)) return [];
    const meant = known.find(
      (candidate) => bare(candidate) === bare(name.toUpperCase()) || editDistance(candidate, name) <= 2,
    );
    return meant ? [`${name} (environment): there is no such setting; did you mean ${meant}?`] : [];
  });
}

/** A version that the create tool would refuse, asked of the very function that it asks. */
function unusableVersion({ postgres }: Config, origins: ReadonlyMap<string, string>): string[] {
  const { defaultVersion, images, imageRepository: repository } = postgres;
  const resolved = resolveImage(defaultVersion, { images, repository });
  if (!('problem' in resolved)) return [];
  return [`postgres.defaultVersion (${origins.get('postgres.defaultVersion')}): ${resolved.problem}`];
}

function nest(given: ReadonlyMap<string, { value: unknown }>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [key, { value }] of given) {
    const path = key.split('.');
    const last = path.pop() as string;
    let level = root;
    for (const part of path) {
      level[part] ??= {};
      level = level[part] as Record<string, unknown>;
    }
    level[last] = value;
  }
  return root;
}

function describe(issue: z.core.$ZodIssue, origins: ReadonlyMap<string, string>): string {
  const setting = settings.find(({ path }) =>
    path.every((part, index) => issue.path[index] === part),
  ) as Setting;
  const rest = issue.path
    .slice(setting.path.length)
    .map((part) => shownKey(String(part)))
    .join('.');
  const isText = setting.kind === 'map' && issue.code === 'invalid_type' && rest === '';
  if (isText)
    return `${setting.key} (${origins.get(setting.key)}): must be KEY=VALUE, or several with commas between`;
  const message = messageOf(issue).replace(/^Invalid (input|option|key in record): ?/, '');
  return `${setting.key}${rest && ` at ${rest}`} (${origins.get(setting.key)}): ${message}`;
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return `there is no such key: ${issue.keys.map(shownKey).join(', ')}`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}
