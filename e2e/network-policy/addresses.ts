/**
 * Addresses of pods as the node gave them. The API server is told of them only once containers run, and by then a program may have
 * made its first connections.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Pod } from './isolation.ts';

/** Where CNI's library remembers what its plugins answered: one file for each interface of a pod, made before its containers. */
export const cniResults = '/var/lib/cni/results';

const cached = z.object({
  ifName: z.string(),
  cniArgs: z.array(z.tuple([z.string(), z.string()])),
  result: z.object({ ips: z.array(z.object({ address: z.string() })) }),
});

/** Addresses by the uid of the pod, from the files of a folder. One that is being written is left out: its next change is an event, too. */
export async function readAddresses(folder: string): Promise<Map<string, string>> {
  const found = await Promise.all((await readdir(folder)).map((name) => readAddress(join(folder, name))));
  return new Map(found.filter((entry) => entry !== undefined));
}

async function readAddress(file: string): Promise<[uid: string, address: string] | undefined> {
  // A pod that has just gone took its file along.
  const text = await readFile(file, 'utf8').catch(() => '');
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { ifName, cniArgs, result } = cached.parse(content);
  const uid = new Map(cniArgs).get('K8S_POD_UID');
  const address = result.ips[0]?.address.split('/')[0];
  // Besides this one, Kubernetes' own, there is loopback.
  if (ifName !== 'eth0' || uid === undefined || address === undefined) return undefined;
  return [uid, address];
}

/** Fills in the addresses that the API server does not know yet. */
export function withAddresses(pods: readonly Pod[], addresses: ReadonlyMap<string, string>): Pod[] {
  return pods.map((pod) => {
    const podIP = pod.status?.podIP ?? addresses.get(pod.metadata.uid ?? '');
    return podIP === undefined ? pod : { ...pod, status: { ...pod.status, podIP } };
  });
}
