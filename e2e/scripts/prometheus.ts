/**
 * Prometheus' text format (version 0.0.4), read strictly: what a scrape would refuse is an error here, and so is what `promtool
 * check metrics` warns of.
 */

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** One metric with its samples: for a histogram also those ending in _bucket, _sum and _count. */
export interface Family {
  name: string;
  help: string;
  type: MetricType;
  samples: Sample[];
}

const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
/** As Prometheus reads numbers, whatever the case: prom-client writes Nan. */
const number = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf|nan)$/i;
/** Units that are not the base unit, which promtool warns of: seconds and bytes are wanted. */
const scaled =
  /_(milliseconds|microseconds|nanoseconds|minutes|hours|days|kilobytes|megabytes|kib|mib|percent)(_|$)/;

/** Reads a page. Throws an Error that names the line, or the metric, of the first thing that is wrong. */
export function parseMetrics(page: string): Family[] {
  if (!page.endsWith('\n')) throw new Error('The last line does not end.');
  const families = new Map<string, Partial<Family> & { samples: Sample[] }>();
  const series = new Set<string>();
  let current: string | undefined;
  for (const [index, line] of page.slice(0, -1).split('\n').entries()) {
    try {
      if (line.trim() === '') continue;
      if (line.startsWith('#')) {
        const described = readComment(line);
        if (!described) continue;
        const { metric, help, type } = described;
        const family = families.get(metric) ?? { name: metric, samples: [] };
        if (family.samples.length > 0) throw new Error(`${metric} is described after its samples`);
        if (help !== undefined && family.help !== undefined) throw new Error(`${metric} has two HELP lines`);
        if (type !== undefined && family.type !== undefined) throw new Error(`${metric} has two TYPE lines`);
        families.set(metric, { ...family, ...(help !== undefined && { help }), ...(type && { type }) });
        current = metric;
        continue;
      }
      const sample = readSample(line);
      const owner = current !== undefined && belongs(sample, families.get(current)) ? current : undefined;
      if (owner === undefined)
        throw new Error(`${sample.name} does not follow the description of its metric`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      if (series.has(key)) throw new Error(`${line} appears twice`);
      series.add(key);
      families.get(owner)?.samples.push(sample);
    } catch (thrown) {
      throw new Error(`Line ${index + 1}: ${(thrown as Error).message}.`);
    }
  }
  return [...families.values()].map(complete);
}

function readComment(line: string): { metric: string; help?: string; type?: MetricType } | undefined {
  const [, keyword, metric = '', rest = ''] = /^# (HELP|TYPE) (\S+)(?: (.*))?$/.exec(line) ?? [];
  if (keyword === undefined) return undefined;
  if (!name.test(metric)) throw new Error(`${metric} cannot be the name of a metric`);
  if (keyword === 'HELP') return { metric, help: rest };
  if (!types.includes(rest)) throw new Error(`${rest} is no type`);
  return { metric, type: rest as MetricType };
}

function readSample(line: string): Sample {
  const [, metric = '', inner, value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!name.test(metric)) throw new Error(`"${line}" is no sample`);
  if (!number.test(value)) throw new Error(`${value} is no number`);
  return {
    name: metric,
    labels: inner === undefined ? {} : readLabels(inner),
    value: Number(value.replace(/inf/i, 'Infinity')),
  };
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const pattern = /([^=,]+)="((?:[^"\\]|\\[\\"n])*)"(,|$)/y;
  let end = 0;
  while (end < text.length) {
    const [all, key = '', value = ''] = pattern.exec(text) ?? [];
    if (all === undefined) throw new Error(`{${text}} are no labels`);
    if (!labelName.test(key)) throw new Error(`${key} cannot be the name of a label`);
    if (key in labels) throw new Error(`label ${key} appears twice`);
    labels[key] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    end = pattern.lastIndex;
  }
  return labels;
}

function belongs(sample: Sample, family: Partial<Family> | undefined): boolean {
  if (sample.name === family?.name) return family?.type !== 'histogram';
  const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] };
  const allowed = suffixes[family?.type as keyof typeof suffixes] ?? [];
  return allowed.some((suffix) => sample.name === `${family?.name}${suffix}`);
}

function complete({
  name: metric = '',
  help,
  type,
  samples,
}: Partial<Family> & { samples: Sample[] }): Family {
  const wrong = (what: string): Error => new Error(`${metric} ${what}.`);
  if (type === undefined) throw wrong('has no TYPE');
  if (help === undefined || help.trim() === '') throw wrong('has no HELP');
  if (type === 'counter' && !metric.endsWith('_total'))
    throw wrong('is a counter and does not end in _total');
  if (type !== 'counter' && metric.endsWith('_total')) throw wrong('ends in _total and is no counter');
  if (scaled.test(metric)) throw wrong('is not in a base unit');
  for (const sample of samples) {
    if (type === 'counter' && !(sample.value >= 0)) throw wrong('is a counter below zero');
    const reserved = Object.keys(sample.labels).find((label) => label.startsWith('__'));
    if (reserved !== undefined) throw wrong(`has the reserved label ${reserved}`);
  }
  if (type === 'histogram') checkHistogram(metric, samples);
  return { name: metric, help, type, samples };
}

/** Every series of a histogram has rising buckets up to +Inf, which counts everything, and a sum. */
function checkHistogram(metric: string, samples: readonly Sample[]): void {
  const bySeries = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    bySeries.set(key, [...(bySeries.get(key) ?? []), sample]);
  }
  for (const [key, own] of bySeries) {
    const wrong = (what: string): Error => new Error(`${metric} ${key} ${what}.`);
    const buckets = own
      .filter((sample) => sample.name.endsWith('_bucket'))
      .map(({ labels, value }) => ({ le: Number((labels.le ?? 'x').replace('Inf', 'Infinity')), value }));
    const count = own.find((sample) => sample.name.endsWith('_count'));
    if (!count || !own.some((sample) => sample.name.endsWith('_sum')))
      throw wrong('lacks its sum or its count');
    if (buckets.some(({ le }) => Number.isNaN(le))) throw wrong('has a bucket without a bound');
    if (buckets.at(-1)?.le !== Number.POSITIVE_INFINITY) throw wrong('has no last bucket +Inf');
    if (buckets.at(-1)?.value !== count.value) throw wrong('counts otherwise than its last bucket');
    for (const [index, bucket] of buckets.entries()) {
      const before = buckets[index - 1];
      if (before && (bucket.le <= before.le || bucket.value < before.value))
        throw wrong('has buckets that do not rise');
    }
  }
}
