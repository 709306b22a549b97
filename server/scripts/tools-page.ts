/** docs/tools.md and the table of tools in the README, from the catalogue. */
import { errorCatalogue } from '../src/errors.ts';
import { permissionTable } from '../src/permissions.ts';
import type { Effect } from '../src/policy/effect.ts';
import type { Tool } from '../src/tools/define-tool.ts';
import { type JsonSchema, jsonSchema } from '../src/tools/describe-tool.ts';
import { cell, generatedNote, table } from './markdown.ts';

const effects: Readonly<Record<Effect, string>> = {
  read: 'looks',
  operate: 'operates: nothing is lost',
  change: 'changes',
  destroy: 'destroys: a person confirms',
};

/** One line a tool, with links to its section in `page`. */
export function toolTable(tools: readonly Tool[], page: string): string {
  const rows = tools.map(({ name, title, effect }) => [
    `[${name}](${page}#${name})`,
    cell(title),
    effects[effect],
  ]);
  return table(['tool', 'what it does', 'effect'], rows).concat('\n');
}

/** The whole page: every tool with its arguments, and the Kubernetes rights that they need. */
export function toolsPage(tools: readonly Tool[]): string {
  const rights = permissionTable(tools).map(({ verb, resource, group, scope, addOn, tools: users }) => [
    `${verb} ${resource}`,
    group === '' ? 'core' : group,
    scope === 'cluster' ? 'cluster' : 'namespace',
    users.map(({ name, optional }) => (optional ? `${name} (optional)` : name)).join(', ') +
      (addOn ? ` (add-on ${addOn})` : ''),
  ]);
  return `${generatedNote}

# Tools

${toolTable(tools, '')}
Every tool that changes something takes \`dry_run: true\`: the answer is the plan, the manifest of what would be made, a diff of what would
be changed, and what the API server and the operator's webhooks say of it; nothing is changed. Every tool takes \`namespace\` where its table says so; without it the
default namespace of the server is used, and every answer names the one that was used and where it came from. With \`wait\` a
tool answers when the operator has done the work, or after \`timeout\` seconds; without it, as soon as the work is requested. Lists
come in answers of at most \`limit\` items; \`cursor\` goes on with the next one. \`format: json\` makes the text of an answer JSON as well.
What destroys something is confirmed in a second call, with the \`confirm_token\` of the first and the name in \`confirm_name\`, unless the
client asks its user itself.

${tools.map(toolSection).join('\n\n')}

## Answers and errors

Every answer is a text for people and structured content for programs. That of a tool that changes something has a \`state\`: \`dry_run\`,
\`confirmation_required\`, \`unchanged\`, \`requested\` (accepted, and not seen to be done), \`done\` (seen), or \`failed\`. Every error, \`failed\` among
them, is marked as one (\`isError\`) and has \`error.code\`, \`error.message\` and \`error.hint\`, what to do next. Codes are stable; sentences may be
improved.

${table(
  ['code', 'what to do, unless the error itself says something better'],
  Object.entries(errorCatalogue).map(([code, hint]) => [`\`${code}\``, cell(hint)]),
)}

## Rights in Kubernetes

What the tools need, derived from what each of them declares; a tool cannot use a right that it does not declare. Without an
optional right a tool works and says less. \`cnpg-mcp doctor\` tells which rights are missing.

${table(['right', 'API group', 'scope', 'needed by'], rights)}
`;
}

function toolSection(tool: Tool): string {
  // Not the short form that clients are shown: a page has room for every bound.
  const { required: names, properties = {} } = jsonSchema(tool.input, 'input');
  const required = new Set(names);
  const rows = Object.entries(properties).map(([name, property]) => [
    `\`${name}\``,
    typeOf(property),
    required.has(name)
      ? 'required'
      : property.default === undefined
        ? ''
        : `\`${JSON.stringify(property.default)}\``,
    cell(property.description ?? ''),
  ]);
  const rights = tool.permissions.map(
    ({ verbs, resource, subresource, because, optional }) =>
      `- ${verbs.join(', ')} \`${subresource ? `${resource}/${subresource}` : resource}\`${optional ? ' (optional)' : ''}: ${because}`,
  );
  const needs = tool.requires
    ? `\n\nNeeds the kind ${tool.requires.kind}${tool.requires.operator ? ` (operator ${tool.requires.operator} and later)` : ''}.`
    : '';
  return `## ${tool.name}

${tool.description}${needs}

Toolset \`${tool.toolset}\`, effect \`${tool.effect}\` (${effects[tool.effect]}).

${table(['argument', 'type', 'default', 'meaning'], rows)}

Rights:

${rights.join('\n')}`;
}

function typeOf({ type, enum: choices, items, minimum, maximum, maxLength }: JsonSchema): string {
  if (choices) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  if (type === 'array') return `list of ${items ? typeOf(items) : 'values'}`;
  if (minimum !== undefined && maximum !== undefined) return `${type} ${minimum} to ${maximum}`;
  if (type === 'string' && maxLength !== undefined) return `string, at most ${maxLength}`;
  return Array.isArray(type) ? type.join(' or ') : (type ?? 'object');
}
