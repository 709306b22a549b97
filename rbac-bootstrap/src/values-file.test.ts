import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Values } from './values.ts';
import { effectiveValues } from './values-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-rbac-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(...texts: string[]): Promise<Values> {
  const files = texts.map((_, index) => join(folder, `${index}.yaml`));
  for (const [index, text] of texts.entries()) await writeFile(files[index] as string, text);
  return effectiveValues(files, new Map());
}

describe('a file of values', () => {
  it('may be the whole values.yaml of the chart, and then changes nothing', async () => {
    const text = await readFile(new URL('../../chart/values.yaml', import.meta.url), 'utf8');
    expect(await read(text)).toEqual(await read('{}'));
  });

  it('is YAML 1.1, as Helm reads it: yes and off are booleans, and names stay names', async () => {
    const { rbac, serviceAccount } = await read(
      'rbac: {create: off, addOns: {events: yes}, namespaces: [e1, shop]}\nserviceAccount: {annotations: {at: 10:30, on: 2026-01-02}}',
    );
    expect(rbac).toMatchObject({ create: false, namespaces: ['e1', 'shop'] });
    expect(rbac.addOns.events).toBe(true);
    expect(serviceAccount.annotations).toEqual({ at: '10:30', true: '2026-01-02' });
  });

  it.each([
    ['rbca: {preset: edit}', 'rbca: there is no such value; did you mean rbac?'],
    [
      'rbac: {addOns: {event: true}}',
      'rbac.addOns.event: there is no such value; did you mean rbac.addOns.events?',
    ],
    ['config: {port: 1}', 'config.port: there is no such value'],
    ['__proto__: {rbac: {preset: edit}}', '__proto__: there is no such value'],
    ['rbac: {__proto__: {preset: edit}}', 'rbac.__proto__: there is no such value'],
    ['auth: {mode: bogus}', 'auth.mode: must be one of token, config, none'],
    ['rbac: {clusterWide: true, namespaces: [a]}', 'rbac.namespaces and rbac.clusterWide exclude each other'],
    ['config: {maxInstances: 0}', 'config.maxInstances: must be >='],
    ['rbac: {create: null}', 'rbac.create: a value is needed'],
    ['rbac:', 'rbac: a value is needed'],
    ['auth:', 'auth: a value is needed'],
    ['rbac: {preset: edit, clusterWide: true, acknowledgeClusterWideWrites: null}', 'a value is needed'],
    ['rbac: {namespaces: [yes]}', 'rbac.namespaces.0: must be string'],
    ['rbac: {namespaces: [Shop]}', 'rbac.namespaces.0: "Shop" does not match ^[a-z0-9]'],
    ['serviceAccount: {create: "no"}', 'serviceAccount.create: must be boolean'],
    ['serviceAccount: {create: false}', 'serviceAccount.name'],
    ['- a', 'must hold values as key: value'],
    ['nameOverride: "\u007f"', 'control characters'],
    ['nameOverride: "\u0085"', 'control characters'],
    ['a: [', 'cannot be used: '],
    ['---\na: 1\n---\nb: 1', 'several documents'],
    [`a: ${'x'.repeat(1024 * 1024)}`, 'it is larger than 1 MiB'],
  ])('is refused where Helm would refuse it: %s', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
    await expect(read(text)).rejects.toMatchObject({ exitStatus: 2 });
  });

  it.each([
    'autoscaling: {targetCPUUtilizationPercentage: }',
    'strategy: {rollingUpdate: }',
    'resources: {limits: {memory: }}',
    'podSecurityContext: {fsGroup: }',
    'service: {nodePort: }',
    'metrics: {dashboard: {labels: {grafana_dashboard: }}}',
  ])('may take away a default that is not needed, as for Helm: %s', async (text) => {
    expect((await read(text)).rbac.preset).toBe('view');
  });

  it('says everything that is wrong at once, in whatever part it is', async () => {
    await expect(read('replicaCount: 2\nrbac: {prset: edit}\nimage: {tag: 1}')).rejects.toThrow(
      /replicaCount: there is no such value\n {2}image\.tag: must be string\n {2}rbac\.prset: .* did you mean rbac\.preset\?$/,
    );
  });

  it('may be something without a size or an end, of which no more is read than can be used', () => {
    expect(() => effectiveValues(['/dev/zero'], new Map())).toThrow('it is larger than 1 MiB');
    expect(effectiveValues(['/dev/null'], new Map()).rbac.preset).toBe('view');
  });

  it('may have tags: Helm overlooks those that it does not know, and so does this, without a word', async () => {
    const warned = vi.spyOn(process, 'emitWarning');
    const { rbac, nameOverride } = await read('rbac: !mine {preset: edit}\nnameOverride: !!binary c2hvcA==');
    expect([rbac.preset, nameOverride]).toEqual(['edit', 'shop']);
    expect(warned).not.toHaveBeenCalled();
  });

  it('is refused for what a later file leaves empty', async () => {
    await expect(read('rbac: {preset: edit}', 'rbac: {preset: }')).rejects.toThrow(
      'rbac.preset: a value is needed',
    );
  });
});
