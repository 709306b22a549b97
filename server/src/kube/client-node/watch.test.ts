/** What interrupts a watch. That it sees what it should is in the gateway's contract. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../../../e2e/simulator/index.ts';
import type { KubeGateway, KubeObject } from '../gateway.ts';
import { createGateway } from './index.ts';

let simulator: Simulator;
let gateway: KubeGateway;
beforeEach(async () => {
  simulator = await startSimulator({ operator: false });
  gateway = createGateway({ kubeconfigText: simulator.kubeconfig });
});
afterEach(async () => {
  await gateway.close();
  await simulator.close();
});

const namespace = 'default';
const key = { namespace, name: 'watched' };

function put(owner: string): void {
  simulator.state.put({
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: 'watched', namespace },
    spec: { name: 'watched', owner, cluster: { name: 'main' } },
  });
}

const ownerOf = (object: KubeObject | undefined): unknown =>
  (object?.spec as { owner?: unknown } | undefined)?.owner;

/** Watches until the owner is `last`; `onSeen` is called with every owner seen. */
function untilOwner(last: string, onSeen: (owner: unknown) => void): Promise<unknown[]> {
  const seen: unknown[] = [];
  return gateway.watchUntil('databases', { ...key, timeoutSeconds: 10 }, ([object]) => {
    const owner = ownerOf(object);
    seen.push(owner);
    onSeen(owner);
    return owner === last ? { done: seen } : 'continue';
  });
}

/** Resolves when so many watches have arrived at the API server. */
async function watches(count: number): Promise<void> {
  while (simulator.requests.filter(({ verb }) => verb === 'watch').length < count) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const verbs = (): string[] =>
  simulator.requests.filter(({ resource }) => resource === 'databases').map(({ verb }) => verb);

describe('a watch', () => {
  it('goes on after the versions it knew have expired, with a new list', async () => {
    put('one');
    const watching = untilOwner('two', () => {});
    await watches(1);
    simulator.faults.expireWatches();
    await watches(2);
    put('two');
    expect((await watching).at(-1)).toBe('two');
    expect(verbs()).toEqual(['list', 'watch', 'list', 'watch']);
  });

  it('does not hurry when its versions expire again and again', async () => {
    put('one');
    simulator.faults.add({ match: { verb: 'watch' }, status: 410 });
    const watching = gateway.watchUntil('databases', { ...key, timeoutSeconds: 1 }, () => 'continue');
    await expect(watching).rejects.toMatchObject({ code: 'timeout' });
    const asked = verbs().filter((verb) => verb === 'watch').length;
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(10);
  });

  it('misses nothing that happened while it was interrupted', async () => {
    put('one');
    const watching = untilOwner('two', () => {});
    await watches(1);
    await simulator.faults.down();
    put('two');
    await simulator.faults.up();
    expect(await watching).toEqual(['one', 'two']);
  });

  it('goes on where it was after an API server that was away or overloaded', async () => {
    put('one');
    const watching = untilOwner('two', () => {});
    await watches(1);
    simulator.faults.add({ match: { verb: 'watch' }, status: 503, times: 6 });
    await simulator.faults.down();
    await simulator.faults.up();
    await watches(8);
    put('two');
    expect(await watching).toEqual(['one', 'two']);
    expect(verbs().filter((verb) => verb === 'list')).toHaveLength(1);
  });

  it('asks again and again where watching is forbidden', async () => {
    simulator.deny({ resource: 'databases', verb: 'watch' });
    put('one');
    const watching = untilOwner('two', () => {});
    await watches(1);
    put('two');
    expect(await watching).toEqual(['one', 'two']);
    expect(verbs()).toEqual(['list', 'watch', 'list']);
  });

  it('asks for the one object where even listing is forbidden', async () => {
    simulator.deny({ resource: 'databases', verb: 'watch' });
    simulator.deny({ resource: 'databases', verb: 'list' });
    const watching = untilOwner('two', (owner) => {
      if (owner === undefined) put('two');
    });
    expect(await watching).toEqual([undefined, 'two']);
    expect(verbs()).toEqual(['list', 'get', 'get']);
  });

  it('begins with what a write has returned, and misses nothing since', async () => {
    put('one');
    const [written] = (await gateway.list('databases', { namespace })).items;
    put('two');
    put('three');
    simulator.clearRequests();
    const seen: unknown[] = [];
    await gateway.watchUntil('databases', { ...key, after: written, timeoutSeconds: 10 }, ([object]) => {
      seen.push(ownerOf(object));
      return ownerOf(object) === 'three' ? { done: true } : 'continue';
    });
    expect(seen).toEqual(['one', 'two', 'three']);
    expect(verbs()).toEqual(['watch']);
  });

  it('lists where the version of the write has expired', async () => {
    put('one');
    const [written] = (await gateway.list('databases', { namespace })).items;
    put('two');
    simulator.faults.add({ match: { verb: 'watch' }, status: 410, times: 1 });
    const watching = gateway.watchUntil(
      'databases',
      { ...key, after: written, timeoutSeconds: 10 },
      ([object]) => (ownerOf(object) === 'two' ? { done: true } : 'continue'),
    );
    await expect(watching).resolves.toBe(true);
  });

  it('decides at once, without watching, when there is nothing to wait for', async () => {
    put('two');
    expect(await untilOwner('two', () => {})).toEqual(['two']);
    expect(verbs()).toEqual(['list']);
  });

  it('ends with what the decision throws', async () => {
    const defect = new TypeError('not my object');
    const watching = gateway.watchUntil('databases', key, () => {
      throw defect;
    });
    await expect(watching).rejects.toBe(defect);
  });

  it('does not begin where the API server cannot be reached', async () => {
    await simulator.faults.down();
    await expect(untilOwner('two', () => {})).rejects.toMatchObject({ code: 'cluster_unreachable' });
    await simulator.faults.up();
  });

  it('of a kind that is not served says so', async () => {
    const old = await startSimulator({ operatorVersion: '1.28.0', operator: false });
    const other = createGateway({ kubeconfigText: old.kubeconfig });
    const watching = other.watchUntil('databaseroles', key, () => 'continue');
    await expect(watching).rejects.toMatchObject({ code: 'not_supported' });
    await other.close();
    await old.close();
  });

  it('does not keep others from the API server, however many there are', async () => {
    put('one');
    const many = Array.from({ length: 100 }, () => untilOwner('two', () => {}));
    await watches(100);
    expect(ownerOf(await gateway.get('databases', key, { timeoutSeconds: 2 }))).toBe('one');
    put('two');
    await Promise.all(many);
  });
});
