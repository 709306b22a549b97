import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../server/src/observability/metrics.ts';
import { chartFile, templates } from './files.ts';

/** Labels that Prometheus adds to what it reads from a pod through a Service. */
const fromScraping = ['namespace', 'service', 'pod', 'job', 'instance'];

/** Metrics of a server that has done one thing of each kind, with the labels of each. */
async function servedMetrics(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics({ version: '1', tools: ['a_tool'] });
  metrics.watchInFlight(() => 1);
  metrics.watchReadiness(async () => true);
  metrics.watchTokensFile(async () => true);
  metrics.operation({
    method: 'tools/call',
    tool: 'a_tool',
    protocolVersion: '2025-11-25',
    transport: 'http',
    durationSeconds: 1,
  } as Parameters<typeof metrics.operation>[0]);
  metrics.toolCall({ tool: 'a_tool', effect: 'read', outcome: 'read' });
  metrics.kubernetesRequest({ verb: 'get', resource: 'clusters', status: 200, durationSeconds: 1 });
  metrics.serverRequest({ method: 'POST', route: '/mcp', status: 200, durationSeconds: 1 });
  metrics.overloaded();
  const { body } = await metrics.text();
  const served = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of body.matchAll(/^([a-z_]\w*)(?:\{(.*)\})? /gm)) {
    const known = served.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    served.set(name, known);
  }
  return served;
}

interface Selector {
  metric: string;
  labels: string[];
}

/** The metrics that an expression reads, and the labels that it asks of each. Throws when it is no PromQL. */
function selectorsOf(expression: string): Selector[] {
  const selectors: Selector[] = [];
  const text = ({ from, to }: { from: number; to: number }): string => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`no PromQL at ${node.from}: ${expression}`);
      if (node.name !== 'VectorSelector') return;
      const metric = node.node.getChild('Identifier');
      const labels: string[] = [];
      node.node.cursor().iterate((inner) => {
        if (inner.name === 'LabelName') labels.push(text(inner));
      });
      selectors.push({ metric: metric ? text(metric) : '', labels });
    },
  });
  return selectors;
}

/** The expressions of the alerts, with what the template fills in. */
function alertExpressions(): string[] {
  const rule = templates.get('prometheusrule.yaml') ?? '';
  const filled = rule
    .replaceAll('{{ $job }}', '{namespace="a",service="b"}')
    .replaceAll('{{ $with }}', '{namespace="a",service="b"');
  return [...filled.matchAll(/^ {10}expr: (?:\|\n((?: {12}.*\n)+)|(.+)\n)/gm)].map(([, block, line]) =>
    (block ?? line ?? '').trim(),
  );
}

interface Panel {
  title: string;
  targets: { expr: string }[];
}

function dashboardExpressions(): string[] {
  const { panels } = JSON.parse(chartFile('files/dashboard.json')) as { panels: Panel[] };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

describe.each([
  ['the alerts', alertExpressions, 9],
  ['the dashboard', dashboardExpressions, 16],
])('%s', (_, expressions, least) => {
  it('ask only for metrics and labels that the server has', async () => {
    const served = await servedMetrics();
    const all = expressions();
    expect(all.length).toBeGreaterThanOrEqual(least);
    for (const { metric, labels } of all.flatMap(selectorsOf)) {
      expect([...served.keys()]).toContain(metric);
      const known = [...(served.get(metric) ?? []), ...fromScraping];
      expect(labels.filter((label) => !known.includes(label))).toEqual([]);
    }
  });
});

describe('a server that runs but is not ready', () => {
  it.each([
    ['alert', alertExpressions],
    ['panel of the dashboard', dashboardExpressions],
  ])('is known to an %s', (_, expressions) => {
    expect(
      expressions()
        .flatMap(selectorsOf)
        .map(({ metric }) => metric),
    ).toContain('cnpg_mcp_ready');
  });
});

describe('the test of expressions', () => {
  it('finds what is no PromQL, and every metric in an expression', () => {
    expect(() => selectorsOf('sum(rate(a[5m])')).toThrow('no PromQL');
    expect(selectorsOf('rate(a{x="1"}[5m]) / b')).toEqual([
      { metric: 'a', labels: ['x'] },
      { metric: 'b', labels: [] },
    ]);
  });
});

describe('the page of metrics', () => {
  it('has a help and a type for every metric, and no name that Prometheus would refuse', async () => {
    const { body } = await createMetrics({ version: '1', tools: [] }).text();
    const typed = new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
    const helped = new Set([...body.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name));
    for (const line of body.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
      const name = /^[a-zA-Z_:][\w:]*(?=[{ ])/.exec(line)?.[0] ?? `no name: ${line}`;
      const family = typed.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      expect([family, typed.has(family), helped.has(family)]).toEqual([family, true, true]);
      expect(line).toMatch(/^\S+(\{.*\})? [-+]?(\d[\d.e+-]*|nan|inf)$/i);
    }
    for (const [name, type] of typed) {
      if (type === 'counter' && name?.startsWith('cnpg_mcp_')) expect(name).toMatch(/_total$/);
    }
  });
});
