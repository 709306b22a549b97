/** Takes a command line apart by what the command and the settings declare. Anything else is refused, naming the closest. */
import { parseArgs } from 'node:util';
import { closest } from '../closest.ts';
import { settings } from '../config/schema.ts';
import { flagNameOf, type Setting } from '../config/setting.ts';
import { UsageError } from '../config/usage-error.ts';
import type { Command, Invocation, Terminal } from './command.ts';

/** Settings whose flags a command takes. */
export function flagsOf(command: Pick<Command, 'sections'>): (Setting & { flag: string })[] {
  return settings.filter(
    (setting): setting is Setting & { flag: string } =>
      setting.flag !== undefined && command.sections.includes(setting.section),
  );
}

/** Parses the arguments after the command's name. Returns `help` when help is asked for. Throws {@link UsageError}. */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Invocation | 'help' {
  const bySetting = new Map(flagsOf(command).map((setting) => [setting.flag, setting]));
  const own = new Map(Object.entries(command.options ?? {}));
  const takesFile = command.sections.length > 0;
  const isSwitch = (name: string): boolean =>
    name === 'help' || own.get(name)?.switch === true || bySetting.get(name)?.kind === 'boolean';
  const known = [...bySetting.keys(), ...own.keys(), ...(takesFile ? ['config'] : []), 'help'];
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      ...Object.fromEntries(
        known.map((name) => [
          name,
          { type: isSwitch(name) ? 'boolean' : 'string', ...(name === 'help' && { short: 'h' }) } as const,
        ]),
      ),
    },
  });

  const positionals: string[] = [];
  const options = new Map<string, string | true>();
  const flags = new Map<string, string>();
  let file: string | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, inlineValue } = token;
    if (name === 'help') return 'help';
    if (!known.includes(name)) throw new UsageError(unknownFlag(rawName, name, known));
    const value = token.value ?? (isSwitch(name) ? 'true' : undefined);
    if (value === undefined || (!inlineValue && value.startsWith('-') && value !== '-')) {
      throw new UsageError(`${rawName} needs a value: ${rawName}=VALUE.`);
    }
    const setting = bySetting.get(name);
    if (name === 'config' && takesFile) file = value;
    else if (!setting) options.set(name, own.get(name)?.switch ? switchedOn(rawName, inlineValue) : value);
    else flags.set(name, isCollection(setting) && flags.has(name) ? `${flags.get(name)},${value}` : value);
  }
  const { min, max } = command.positionals ?? { min: 0, max: 0 };
  if (positionals.length < min) throw new UsageError(`Too few arguments: cnpg-mcp ${command.usage}`);
  if (positionals.length > max) throw new UsageError(`Unexpected argument: ${positionals[max]}`);
  return { positionals, options, terminal, sources: { flags, environment: terminal.environment, file } };
}

function switchedOn(rawName: string, inlineValue: boolean | undefined): true {
  if (inlineValue) throw new UsageError(`${rawName} takes no value.`);
  return true;
}

/** Lists and maps may be given in one flag or in several. */
function isCollection({ kind }: Setting): boolean {
  return kind === 'list' || kind === 'map';
}

function unknownFlag(rawName: string, name: string, known: readonly string[]): string {
  const secret = settings.find((setting) => setting.secret && flagNameOf(setting) === name);
  if (secret) return secretFlag(rawName, secret, known);
  const meant = closest(name, known);
  return `Unknown option ${rawName}${meant ? `; did you mean --${meant}?` : '.'}`;
}

/** A secret has no flag, so the closest one is never what was meant: `--confirmation` would switch confirmations off. */
function secretFlag(rawName: string, secret: Setting, known: readonly string[]): string {
  const file = settings.find(({ key, flag }) => key === `${secret.key}File` && flag && known.includes(flag));
  const ways = [...(file ? [`a file that --${file.flag} names`] : []), ...secret.environment];
  return `There is no ${rawName}: a flag shows a secret to everybody who can list processes. Give it in ${ways.join(' or ')}.`;
}
