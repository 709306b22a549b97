import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../server/src/observability/metrics.ts';
import { parseMetrics } from './prometheus.ts';

const counter = ['# HELP a_total Things.', '# TYPE a_total counter'];
const histogram = ['# HELP t_seconds Time.', '# TYPE t_seconds histogram'];
const page = (...lines: string[]): string => lines.map((line) => `${line}\n`).join('');

describe('a page of metrics', () => {
  it('is read: types, labels with what is escaped in them, numbers', () => {
    const text = page(...counter, 'a_total{x="a\\"b\\\\c\\nd",y=""} 1.5e3', 'a_total 0');
    expect(parseMetrics(text)).toEqual([
      {
        name: 'a_total',
        help: 'Things.',
        type: 'counter',
        samples: [
          { name: 'a_total', labels: { x: 'a"b\\c\nd', y: '' }, value: 1500 },
          { name: 'a_total', labels: {}, value: 0 },
        ],
      },
    ]);
  });

  it('may have histograms', () => {
    const rows = [
      't_seconds_bucket{le="0.1"} 1',
      't_seconds_bucket{le="+Inf"} 2',
      't_seconds_sum 3',
      't_seconds_count 2',
    ];
    expect(parseMetrics(page(...histogram, ...rows))[0]?.samples).toHaveLength(4);
  });

  it.each([
    ['a line that does not end', `${counter.join('\n')}\na_total 1`, 'does not end'],
    ['a sample without a description', page('b 1'), 'does not follow'],
    [
      'a sample between those of another metric',
      page(...counter, 'a_total 1', 'b 1'),
      'Line 4: b does not follow',
    ],
    [
      'the same series twice',
      page(...counter, 'a_total{x="1",y="2"} 1', 'a_total{y="2",x="1"} 1'),
      'appears twice',
    ],
    ['a wrong number', page(...counter, 'a_total 1,5'), 'no number'],
    ['a wrong label', page(...counter, 'a_total{a-b="1"} 1'), 'name of a label'],
    ['a label that is not quoted', page(...counter, 'a_total{a=1} 1'), 'no labels'],
    ['no HELP', page('# TYPE a_total counter', 'a_total 1'), 'no HELP'],
    ['no TYPE', page('# HELP a_total x', 'a_total 1'), 'no TYPE'],
    ['a type that is none', page('# TYPE a_total number'), 'no type'],
    ['a description that comes late', page(...counter, 'a_total 1', '# HELP a_total x'), 'after its samples'],
    ['a counter by another name', page('# HELP a x', '# TYPE a counter', 'a 1'), '_total'],
    [
      'a gauge with the name of a counter',
      page('# HELP a_total x', '# TYPE a_total gauge', 'a_total 1'),
      'no counter',
    ],
    [
      'another unit',
      page('# HELP a_milliseconds x', '# TYPE a_milliseconds gauge', 'a_milliseconds 1'),
      'base unit',
    ],
    ['a counter below zero', page(...counter, 'a_total -1'), 'below zero'],
    ['a reserved label', page(...counter, 'a_total{__name="x"} 1'), 'reserved'],
    [
      'a histogram without +Inf',
      page(...histogram, 't_seconds_bucket{le="1"} 1', 't_seconds_sum 1', 't_seconds_count 1'),
      '+Inf',
    ],
    [
      'buckets that fall',
      page(
        ...histogram,
        't_seconds_bucket{le="1"} 3',
        't_seconds_bucket{le="+Inf"} 2',
        't_seconds_sum 1',
        't_seconds_count 2',
      ),
      'do not rise',
    ],
    [
      'a count that is not that of the buckets',
      page(...histogram, 't_seconds_bucket{le="+Inf"} 2', 't_seconds_sum 1', 't_seconds_count 3'),
      'counts otherwise',
    ],
  ])('is refused for %s', (_, text, message) => {
    expect(() => parseMetrics(text)).toThrow(message);
  });

  it('of the server is without fault', async () => {
    const metrics = createMetrics({ version: '1.2.3', tools: ['list_things'] });
    metrics.toolCall({ tool: 'list_things', effect: 'read', outcome: 'read' });
    metrics.kubernetesRequest({ verb: 'list', resource: 'clusters', status: 200, durationSeconds: 0.02 });
    metrics.serverRequest({ method: 'POST', route: '/mcp', status: 200, durationSeconds: 0.02 });
    const families = parseMetrics((await metrics.text()).body);
    expect(families.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cnpg_mcp_tool_calls_total', 'http_client_request_duration_seconds']),
    );
  });
});
