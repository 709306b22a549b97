/** Objects as the chart's templates write them, to the byte; Helm 4 alone prints an empty line after each document. */
import type { Binding, PolicyRule, RbacObject, Role, ServiceAccount } from './objects.ts';

/** The whole output: one document for each object, with the comment by which Helm says where it comes from. */
export function toYaml(objects: readonly RbacObject[]): string {
  return objects.map((object) => `---\n# Source: ${sourceOf(object)}\n${document(object)}`).join('');
}

/** Escapes of Go's %q that have a letter. */
const lettered: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Go's %q, with which the templates quote: what cannot be printed is escaped, U+2028 and U+00A0 included. */
function quote(text: string): string {
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = (digits: number): string => code.toString(16).padStart(digits, '0');
    if (lettered[character]) return lettered[character];
    if (code < 0x80) return `\\x${hex(2)}`;
    return code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
  });
  return `"${escaped}"`;
}

function sourceOf({ kind }: RbacObject): string {
  return `cnpg-mcp/templates/${kind === 'ServiceAccount' ? 'serviceaccount' : 'rbac'}.yaml`;
}

function document(object: RbacObject): string {
  return [
    `apiVersion: ${object.apiVersion}`,
    `kind: ${object.kind}`,
    ...metadataLines(object),
    ...bodyLines(object),
    '',
  ].join('\n');
}

function metadataLines({ metadata: { name, namespace, labels, annotations } }: RbacObject): string[] {
  return [
    'metadata:',
    `  name: ${quote(name)}`,
    ...(namespace === undefined ? [] : [`  namespace: ${quote(namespace)}`]),
    ...mapLines('labels', labels),
    ...(annotations ? mapLines('annotations', annotations) : []),
  ];
}

function mapLines(key: string, map: Readonly<Record<string, string>>): string[] {
  // Go compares bytes, and so puts U+FF5E before an emoji.
  const entries = Object.entries(map).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return [`  ${key}:`, ...entries.map(([name, value]) => `    ${quote(name)}: ${quote(value)}`)];
}

function bodyLines(object: RbacObject): string[] {
  if (object.kind === 'ServiceAccount') return accountLines(object);
  return 'rules' in object ? ruleLines(object) : bindingLines(object);
}

function accountLines({ automountServiceAccountToken }: ServiceAccount): string[] {
  return [`automountServiceAccountToken: ${automountServiceAccountToken}`];
}

function ruleLines({ rules }: Role): string[] {
  const list = (values: readonly string[]): string => `[${values.map(quote).join(', ')}]`;
  const lines = ({ apiGroups, resources, resourceNames, verbs }: PolicyRule): string[] => [
    `  - apiGroups: ${list(apiGroups)}`,
    `    resources: ${list(resources)}`,
    ...(resourceNames ? [`    resourceNames: ${list(resourceNames)}`] : []),
    `    verbs: ${list(verbs)}`,
  ];
  return ['rules:', ...rules.flatMap(lines)];
}

function bindingLines({ roleRef, subjects }: Binding): string[] {
  return [
    'roleRef:',
    `  apiGroup: ${roleRef.apiGroup}`,
    `  kind: ${roleRef.kind}`,
    `  name: ${quote(roleRef.name)}`,
    'subjects:',
    ...subjects.flatMap(({ kind, name, namespace }) => [
      `  - kind: ${kind}`,
      `    name: ${quote(name)}`,
      `    namespace: ${quote(namespace)}`,
    ]),
  ];
}
