/** Objects as the chart's templates write them, to the byte. */
import type { Binding, PolicyRule, RbacObject, Role, ServiceAccount } from './objects.ts';

/** The whole output: one document for each object, with the comment by which Helm says where it comes from. */
export function toYaml(objects: readonly RbacObject[]): string {
  return objects.map((object) => `---\n# Source: ${sourceOf(object)}\n${document(object)}`).join('');
}

/** Go's %q, which the templates quote with, is JSON but for characters that no value here may hold. */
const quote = (text: string): string => JSON.stringify(text);

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
  const entries = Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
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
