/** docs/configuration.md, from the schema. */
import { fileVariable } from '../src/config/load.ts';
import { settings } from '../src/config/schema.ts';
import { type Section, type Setting, sections } from '../src/config/setting.ts';
import { cell, generatedNote, table } from './markdown.ts';

/** The whole page. */
export function configurationPage(): string {
  const parts = Object.entries(sections).map(([section, title]) => {
    const rows = settings.filter((setting) => setting.section === (section as Section)).map(row);
    return `## ${title}\n\n${table(['setting', 'default', 'what it does'], rows)}`;
  });
  return `${generatedNote}

# Configuration

Every setting can be given in three ways. A flag wins over the environment, the environment over the file, the file over the
default:

- as a flag: \`cnpg-mcp serve --port 4204\`
- in the environment: \`CNPG_MCP_PORT=4204\`
- in a YAML (or JSON) file named by \`--config\` or \`${fileVariable}\`, under the key in the tables below

Lists are written \`a,b,c\` in flags and variables, maps \`key=value,key=value\`, booleans \`true\` or \`false\` (a flag alone
means \`true\`). What is not known, or does not fit, is an error that names the closest setting, and the server does not start.

A variable without a value (\`CNPG_MCP_NAMESPACES=\`) and a key without one (\`namespaces:\`) count as not set, for every setting: the next
source decides. An empty text is given by a flag (\`--auth-impersonation-user-prefix=\`) or in the file
(\`userPrefix: ""\`), where the setting allows one.

\`cnpg-mcp config\` prints what is in force and where each value comes from; secrets are masked.

\`\`\`yaml
# cnpg-mcp.yaml
port: 4204
readOnly: true
namespaces: [shop, billing]
postgres:
  defaultVersion: "17"
  images:
    "17": registry.example.com/postgresql:17.2
\`\`\`

${parts.join('\n\n')}
`;
}

function row(setting: Setting): string[] {
  const { key, environment, flag, description } = setting;
  const names = [
    `**${key}**`,
    ...environment.map((name) => `\`${name}\``),
    flag ? `\`--${flag}\`` : 'no flag: it is a secret',
  ];
  return [names.join('<br>'), defaultOf(setting), cell(description) + choicesOf(setting)];
}

function defaultOf({ default: value }: Setting): string {
  if (value === undefined) return '';
  if (value === '') return 'empty';
  if (typeof value === 'object' && Object.keys(value ?? {}).length === 0) return 'empty';
  return `\`${String(value)}\``;
}

function choicesOf({ choices, kind }: Setting): string {
  if (!choices) return '';
  return ` ${kind === 'list' ? 'Any of' : 'One of'} ${choices.map((choice) => `\`${choice}\``).join(', ')}.`;
}
