/** Help for one command, from what it declares. */
import { fileVariable } from '../config/load.ts';
import { type Section, type Setting, sections } from '../config/setting.ts';
import type { Command } from './command.ts';
import { flagsOf } from './command-line.ts';

/** The help text of a command. */
export function commandHelp(command: Command): string {
  const own = Object.entries(command.options ?? {}).map(([name, option]): [string, string] => [
    `--${name}${option.switch ? '' : ' VALUE'}`,
    option.description,
  ]);
  if (command.sections.length > 0)
    own.push(['--config FILE', `Settings from a YAML file (${fileVariable}).`]);
  own.push(['--help', 'This text.']);
  const groups = command.sections.map((section) => settingsGroup(section, command));
  const blocks = [block('Options', own), ...groups];
  const note =
    command.sections.length > 0
      ? ['Every setting can also be given in the environment or a file: docs/configuration.md.']
      : [];
  return [`Usage: cnpg-mcp ${command.usage}`, command.description, ...blocks, ...note]
    .join('\n\n')
    .concat('\n');
}

function settingsGroup(section: Section, command: Command): string {
  const rows = flagsOf(command)
    .filter((setting) => setting.section === section)
    .map((setting): [string, string] => [
      `--${setting.flag}${valueName(setting)}`,
      `${setting.description}${defaultNote(setting)}`,
    ]);
  return block(sections[section], rows);
}

function valueName({ kind, choices }: Setting): string {
  if (kind === 'boolean') return '';
  if (choices) return ` ${choices.join('|')}${kind === 'list' ? ',…' : ''}`;
  return { text: ' VALUE', number: ' NUMBER', list: ' A,B,…', map: ' A=X,B=Y,…', json: ' JSON' }[kind];
}

function defaultNote(setting: Setting): string {
  const value = setting.default;
  const isEmpty =
    value === undefined ||
    value === false ||
    (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return isEmpty ? '' : ` Default: ${String(value)}.`;
}

const width = 100;
const indent = 6;

function block(title: string, rows: readonly [string, string][]): string {
  const lines = rows.flatMap(([name, text]) => [
    `  ${name}`,
    ...wrap(text).map((line) => ' '.repeat(indent) + line),
  ]);
  return [`${title}:`, ...lines].join('\n');
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width - indent) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
