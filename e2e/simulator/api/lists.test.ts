import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, core, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const configMaps = `${core('default')}/configmaps`;
const names = ({ items }: Fields) => (items as Fields[]).map(({ metadata }) => metadata.name as string);

function putMaps(simulator: Simulator, count: number, namespace = 'default'): void {
  for (let index = 1; index <= count; index += 1) {
    const metadata = { name: `c${index}`, namespace, labels: { n: String(index), all: 'yes' } };
    simulator.state.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  }
}

async function pageOf(simulator: Simulator, query: string, path = configMaps) {
  return (await send(simulator, 'GET', `${path}?${query}`)).body;
}

describe('a list', () => {
  it('is ordered by namespace and name', async () => {
    const simulator = await simulate();
    putMaps(simulator, 2, 'b');
    putMaps(simulator, 2, 'a');
    const { body } = await send(simulator, 'GET', '/api/v1/configmaps');
    expect((body.items as Fields[]).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      'a/c1',
      'a/c2',
      'b/c1',
      'b/c2',
    ]);
  });

  it('of a namespace that is not there is empty', async () => {
    const simulator = await simulate();
    const { status, body } = await send(simulator, 'GET', `${cnpg('nope')}/clusters`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ClusterList', apiVersion: 'postgresql.cnpg.io/v1', items: [] });
  });

  it('repeats the kind in the items of custom kinds only', async () => {
    const simulator = await simulate();
    putMaps(simulator, 1);
    simulator.state.put({ ...cluster('a'), metadata: { name: 'a', namespace: 'default' } });
    expect((await pageOf(simulator, '')).items[0].kind).toBeUndefined();
    expect((await pageOf(simulator, '', `${cnpg('default')}/clusters`)).items[0].kind).toBe('Cluster');
  });

  it('of metadata only is answered when the client accepts nothing else', async () => {
    const simulator = await simulate();
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default' },
      data: { a: 'Yg==' },
    });
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const { body } = await send(simulator, 'GET', `${core('default')}/secrets`, undefined, { accept });
    expect(body.kind).toBe('PartialObjectMetadataList');
    expect(Object.keys(body.items[0]).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  });
});

describe('selectors', () => {
  it.each([
    ['n=2', ['c2']],
    ['n==2', ['c2']],
    ['n!=2', ['c1', 'c3']],
    ['n in (1,3)', ['c1', 'c3']],
    ['n notin (1,3)', ['c2']],
    ['n', ['c1', 'c2', 'c3']],
    ['!n', []],
    ['all=yes,n in (1)', ['c1']],
    ['n>2', ['c3']],
  ])('by label: %s', async (selector, expected) => {
    const simulator = await simulate();
    putMaps(simulator, 3);
    expect(names(await pageOf(simulator, `labelSelector=${encodeURIComponent(selector)}`))).toEqual(expected);
  });

  it('by the name', async () => {
    const simulator = await simulate();
    putMaps(simulator, 3);
    expect(names(await pageOf(simulator, 'fieldSelector=metadata.name%3Dc2'))).toEqual(['c2']);
    expect(simulator.requests.at(-1)).toMatchObject({ verb: 'list', name: 'c2' });
  });

  it('by the object that an event is about', async () => {
    const simulator = await simulate();
    for (const name of ['a', 'b']) {
      const involvedObject = { kind: 'Cluster', name, uid: `uid-${name}` };
      simulator.state.put({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `e-${name}`, namespace: 'default' },
        involvedObject,
        type: 'Normal',
      });
    }
    const selector = encodeURIComponent('involvedObject.kind=Cluster,involvedObject.name=b,type!=Warning');
    expect(names(await pageOf(simulator, `fieldSelector=${selector}`, `${core('default')}/events`))).toEqual([
      'e-b',
    ]);
  });

  it.each([
    [
      `${configMaps}?fieldSelector=data.a%3Db`,
      '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [`${cnpg('default')}/clusters?fieldSelector=spec.x%3Db`, 'field label not supported: spec.x'],
    [
      `${configMaps}?labelSelector=n%3D%3D%3D1`,
      "unable to parse requirement: found '=', expected: identifier",
    ],
  ])('that cannot be: %s', async (path, message) => {
    const simulator = await simulate();
    expect((await send(simulator, 'GET', path)).body).toMatchObject({ code: 400, message });
  });
});

describe('pages', () => {
  it('follow each other to the end and count what is left', async () => {
    const simulator = await simulate();
    putMaps(simulator, 5);
    const first = await pageOf(simulator, 'limit=2');
    expect(names(first)).toEqual(['c1', 'c2']);
    expect(first.metadata.remainingItemCount).toBe(3);
    const second = await pageOf(simulator, `limit=2&continue=${first.metadata.continue}`);
    expect(names(second)).toEqual(['c3', 'c4']);
    expect(second.metadata.remainingItemCount).toBe(1);
    const third = await pageOf(simulator, `limit=2&continue=${second.metadata.continue}`);
    expect(names(third)).toEqual(['c5']);
    expect(third.metadata.continue).toBeUndefined();
    expect(third.metadata.remainingItemCount).toBeUndefined();
  });

  it('do not count what is left of a selection', async () => {
    const simulator = await simulate();
    putMaps(simulator, 5);
    const { metadata } = await pageOf(simulator, 'limit=2&labelSelector=all%3Dyes');
    expect(metadata.continue).toBeDefined();
    expect(metadata.remainingItemCount).toBeUndefined();
  });

  it('all show the moment of the first', async () => {
    const simulator = await simulate();
    putMaps(simulator, 4);
    const first = await pageOf(simulator, 'limit=2');
    simulator.state.remove('configmaps', 'default', 'c3');
    putMaps(simulator, 6);
    const second = await pageOf(simulator, `continue=${first.metadata.continue}`);
    expect(names(second)).toEqual(['c3', 'c4']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('end with 410 when the token is too old, with a token that goes on all the same', async () => {
    const simulator = await simulate();
    putMaps(simulator, 4);
    const first = await pageOf(simulator, 'limit=2');
    simulator.faults.expireContinue();
    const late = await pageOf(simulator, `limit=2&continue=${first.metadata.continue}`);
    expect(late).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
    expect(late.message).toMatch(
      /^The provided continue parameter is too old to display a consistent list result\./,
    );
    expect(names(await pageOf(simulator, `limit=2&continue=${late.metadata.continue}`))).toEqual([
      'c3',
      'c4',
    ]);
    expect(names(await pageOf(simulator, 'limit=2'))).toEqual(['c1', 'c2']);
  });

  it.each([
    [
      'continue=abc',
      400,
      "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
    ],
    ['limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['resourceVersion=99999999', 504, /^Timeout: Too large resource version: 99999999, current: \d+$/],
  ])('cannot be asked for with %s', async (query, code, message) => {
    const simulator = await simulate();
    const body = await pageOf(simulator, query);
    expect(body.code).toBe(code);
    expect(body.message).toMatch(message);
  });
});
