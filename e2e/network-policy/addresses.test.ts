import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAddresses, withAddresses } from './addresses.ts';
import type { Pod } from './isolation.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-cni-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** As CNI's library keeps it, trimmed. */
const entry = (uid: string, ifName: string, address: string): string =>
  JSON.stringify({
    kind: 'cniCacheV1',
    ifName,
    networkName: 'lab',
    cniArgs: [
      ['K8S_POD_NAME', 'server-0'],
      ['K8S_POD_UID', uid],
      ['K8S_POD_NAMESPACE', 'tools'],
    ],
    result: { cniVersion: '1.0.0', ips: [{ address, gateway: '10.0.0.1', interface: 2 }] },
  });

const pod = (uid: string, podIP?: string): Pod => ({
  metadata: { name: uid, namespace: 'tools', uid },
  spec: { containers: [] },
  status: { phase: 'Pending', ...(podIP !== undefined && { podIP }) },
});

describe('addresses that the node gave', () => {
  it('are those of the interface of each pod, not of loopback, and not from a file that is half written', async () => {
    await writeFile(join(folder, 'lab-1-eth0'), entry('one', 'eth0', '10.0.0.5/24'));
    await writeFile(join(folder, 'cni-loopback-1-lo'), entry('one', 'lo', '127.0.0.1/8'));
    await writeFile(join(folder, 'lab-2-eth0'), entry('two', 'eth0', '10.0.0.6/24').slice(0, 90));
    await writeFile(join(folder, 'lab-3-eth0'), '');
    expect([...(await readAddresses(folder))]).toEqual([['one', '10.0.0.5']]);
  });

  it('are filled in where the API server has none yet', () => {
    const addresses = new Map([
      ['new', '10.0.0.5'],
      ['known', '10.0.0.9'],
    ]);
    const pods = withAddresses([pod('new'), pod('known', '10.0.0.6'), pod('waiting')], addresses);
    expect(pods.map(({ status }) => status?.podIP)).toEqual(['10.0.0.5', '10.0.0.6', undefined]);
    expect(pods[0]?.status?.phase).toBe('Pending');
  });
});
