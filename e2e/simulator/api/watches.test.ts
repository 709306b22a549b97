import { describe, expect, it } from 'vitest';
import type { Simulator } from '../index.ts';
import { cluster, cnpg, core, patch, send, simulate } from '../test-client.ts';
import type { Fields } from '../types.ts';

const configMaps = `${core('default')}/configmaps`;

interface WatchEvent {
  type: string;
  object: Fields;
}

/** Opens a watch; `next` waits for an event, `end` for the end of the stream. */
async function watch(simulator: Simulator, query: string, path = configMaps) {
  const response = await fetch(`${simulator.url}${path}?watch=1&${query}`, {
    headers: { authorization: 'Bearer simulated' },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = '';
  const next = async (): Promise<WatchEvent | undefined> => {
    while (!buffer.includes('\n')) {
      const chunk = await reader?.read();
      if (chunk === undefined || chunk.done) return undefined;
      buffer += chunk.value;
    }
    const [line = '', ...rest] = buffer.split('\n');
    buffer = rest.join('\n');
    return JSON.parse(line) as WatchEvent;
  };
  return { status: response.status, next, cancel: () => reader?.cancel() };
}

const put = (simulator: Simulator, name: string, labels: Record<string, string> = {}, data?: Fields) =>
  simulator.state.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', labels },
    ...(data && { data }),
  });
const seen = (event: WatchEvent | undefined) => [event?.type, event?.object.metadata?.name];

describe('a watch', () => {
  it('without a resourceVersion begins with what is there', async () => {
    const simulator = await simulate();
    put(simulator, 'a');
    const { next, cancel } = await watch(simulator, '');
    expect(seen(await next())).toEqual(['ADDED', 'a']);
    put(simulator, 'b');
    expect(seen(await next())).toEqual(['ADDED', 'b']);
    await cancel();
  });

  it('from a resourceVersion brings every change since', async () => {
    const simulator = await simulate();
    const { metadata } = put(simulator, 'a');
    put(simulator, 'a', {}, { x: '1' });
    const { next, cancel } = await watch(simulator, `resourceVersion=${metadata.resourceVersion}`);
    const modified = await next();
    expect(seen(modified)).toEqual(['MODIFIED', 'a']);
    await send(simulator, 'DELETE', `${configMaps}/a`);
    const deleted = await next();
    expect(seen(deleted)).toEqual(['DELETED', 'a']);
    expect(Number(deleted?.object.metadata.resourceVersion)).toBeGreaterThan(
      Number(modified?.object.metadata.resourceVersion),
    );
    await cancel();
  });

  it('sees an object come into its selection and leave it', async () => {
    const simulator = await simulate();
    const { metadata } = put(simulator, 'a');
    const query = `resourceVersion=${metadata.resourceVersion}&labelSelector=team%3Dx`;
    const { next, cancel } = await watch(simulator, query);
    put(simulator, 'a', { team: 'x' });
    expect(seen(await next())).toEqual(['ADDED', 'a']);
    put(simulator, 'a', { team: 'y' });
    expect(seen(await next())).toEqual(['DELETED', 'a']);
    await cancel();
  });

  it('ends after timeoutSeconds, with a bookmark where those are allowed', async () => {
    const simulator = await simulate();
    const { metadata } = put(simulator, 'a');
    const { next } = await watch(
      simulator,
      `resourceVersion=${metadata.resourceVersion}&timeoutSeconds=0.05&allowWatchBookmarks=true`,
    );
    const bookmark = await next();
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', metadata: { resourceVersion: metadata.resourceVersion } },
    });
    expect(await next()).toBeUndefined();
  });

  it('marks the end of the initial events when asked for them', async () => {
    const simulator = await simulate();
    put(simulator, 'a');
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const { next, cancel } = await watch(simulator, query);
    expect(seen(await next())).toEqual(['ADDED', 'a']);
    expect((await next())?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    await cancel();
  });

  it('from a past that is forgotten is answered with an ERROR event 410', async () => {
    const simulator = await simulate();
    const { metadata } = put(simulator, 'a');
    simulator.faults.expireWatches();
    const { status, next } = await watch(simulator, `resourceVersion=${metadata.resourceVersion}`);
    expect(status).toBe(200);
    expect(await next()).toMatchObject({
      type: 'ERROR',
      object: {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: expect.stringMatching(/^too old resource version: \d+ \(\d+\)$/),
      },
    });
    expect(await next()).toBeUndefined();
  });

  it('that runs ends with an ERROR event when watches expire', async () => {
    const simulator = await simulate();
    const { metadata } = put(simulator, 'a');
    const { next } = await watch(simulator, `resourceVersion=${metadata.resourceVersion}`);
    simulator.faults.expireWatches();
    expect(await next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    expect(await next()).toBeUndefined();
  });

  it('can be refused with HTTP 410 as well', async () => {
    const simulator = await simulate();
    simulator.faults.add({ match: { verb: 'watch' }, status: 410, times: 1 });
    expect((await send(simulator, 'GET', `${configMaps}?watch=1`)).body).toMatchObject({
      code: 410,
      reason: 'Expired',
    });
  });

  it('does not hear of a dry run', async () => {
    const simulator = await simulate();
    const path = `${cnpg('default')}/clusters`;
    await send(simulator, 'POST', path, cluster('a'));
    const { body } = await send(simulator, 'GET', path);
    const { next, cancel } = await watch(simulator, `resourceVersion=${body.metadata.resourceVersion}`, path);
    await patch(simulator, `${path}/a?dryRun=All`, { spec: { instances: 2 } });
    await patch(simulator, `${path}/a`, { spec: { instances: 3 } });
    expect((await next())?.object.spec.instances).toBe(3);
    await cancel();
  });
});
