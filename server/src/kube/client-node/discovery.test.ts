import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../../e2e/simulator/index.ts';
import type { KubeGateway } from '../gateway.ts';
import { createGateway } from './index.ts';

let simulator: Simulator;
let gateway: KubeGateway;
afterEach(async () => {
  vi.useRealTimers();
  await gateway.close();
  await simulator.close();
});

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ operator: false, ...options });
  gateway = createGateway({ kubeconfigText: simulator.kubeconfig });
}

/** Moves the clock that ages what is kept; the network's timers go on as they are. */
function pass(seconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['performance'] });
  vi.advanceTimersByTime(seconds * 1000);
}

describe('what the cluster offers', () => {
  it('is asked for once a minute', async () => {
    await start();
    pass(0);
    const first = await gateway.capabilities();
    expect(first).toMatchObject({ databaseRoles: true });
    expect(first).not.toHaveProperty('operatorVersion');
    simulator.clearRequests();
    pass(50);
    expect(await gateway.capabilities()).toEqual(first);
    expect(simulator.requests).toEqual([]);
    pass(20);
    await gateway.capabilities();
    expect(simulator.requests.map(({ path }) => path).sort()).toEqual([
      '/apis/postgresql.cnpg.io/v1',
      '/version',
    ]);
  });

  it('shows an operator soon after it was installed', async () => {
    await start({ crds: false });
    pass(0);
    expect(await gateway.capabilities()).toMatchObject({ cnpgKinds: new Set(), databaseRoles: false });
    await expect(gateway.list('clusters', {})).rejects.toMatchObject({ code: 'operator_missing' });
    simulator.installCrds();
    pass(6);
    expect((await gateway.capabilities()).cnpgKinds).toContain('clusters');
    expect((await gateway.list('clusters', {})).items).toEqual([]);
  });

  it('has no DatabaseRole before operator 1.30', async () => {
    await start({ operatorVersion: '1.29.2' });
    expect(await gateway.capabilities({ operatorVersion: true })).toMatchObject({
      operatorVersion: '1.29.2',
      databaseRoles: false,
    });
    await expect(gateway.list('databaseroles', {})).rejects.toMatchObject({ code: 'not_supported' });
  });

  it('does without the version of the operator where pods may not be listed', async () => {
    await start();
    simulator.deny({ resource: 'pods' });
    expect(await gateway.capabilities({ operatorVersion: true })).not.toHaveProperty('operatorVersion');
  });

  it('is asked for anew where a fresh answer is wanted', async () => {
    await start();
    await gateway.capabilities();
    await simulator.faults.down();
    expect((await gateway.capabilities()).databaseRoles).toBe(true);
    await expect(gateway.capabilities({ fresh: true })).rejects.toMatchObject({
      code: 'cluster_unreachable',
    });
    await simulator.faults.up();
    expect((await gateway.capabilities({ fresh: true })).databaseRoles).toBe(true);
  });

  it('lists no pods for anybody who does not ask for the version of the operator', async () => {
    await start();
    await gateway.capabilities();
    expect(simulator.requests.filter(({ resource }) => resource === 'pods')).toEqual([]);
  });

  it('is the same for whomever the server acts as', async () => {
    await start();
    simulator.deny({ user: 'jane' });
    const capabilities = await gateway.as({ user: 'jane', groups: [] }).capabilities();
    expect(capabilities.databaseRoles).toBe(true);
    expect(simulator.requests.every(({ user }) => user === 'simulated')).toBe(true);
  });

  it('is asked for again after a failure', async () => {
    await start();
    await simulator.faults.down();
    await expect(gateway.capabilities()).rejects.toMatchObject({ code: 'cluster_unreachable' });
    await simulator.faults.up();
    expect((await gateway.capabilities()).databaseRoles).toBe(true);
  });
});
