/** A TCP gate in front of the API server that can be shut, and kubeconfigs that lead through it or to less rights. */

import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort } from '../../../server/test/free-port.ts';
import { kubectl } from './kubernetes.ts';

interface Kubeconfig {
  clusters: { name: string; cluster: { server: string; 'tls-server-name'?: string } }[];
  users: { name: string; user: Record<string, unknown> }[];
  contexts: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  'current-context': string;
}

/** The suite's kubeconfig as data. */
export async function readKubeconfig(): Promise<Kubeconfig> {
  return parse(await readFile(inject('cluster').kubeconfig, 'utf8')) as Kubeconfig;
}

/** Writes a kubeconfig into a file that only this user can read; returns its path. */
export async function writeKubeconfig(name: string, config: Kubeconfig): Promise<string> {
  const path = join(tmpdir(), `cnpg-mcp-e2e-${process.pid}-${name}.yaml`);
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

export interface Gate {
  /** Kubeconfig that leads through the gate. */
  kubeconfig: string;
  /** Refuses new connections and cuts the open ones. */
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Makes a gate on loopback, shut. */
export async function makeGate(): Promise<Gate> {
  const config = await readKubeconfig();
  const entry = config.clusters[0];
  if (!entry) throw new Error('The kubeconfig names no cluster.');
  const target = new URL(entry.cluster.server);
  const port = await freePort();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const shut = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    for (const socket of sockets) socket.destroy();
    if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()));
  };
  entry.cluster['tls-server-name'] ??= target.hostname;
  entry.cluster.server = `https://127.0.0.1:${port}`;
  return {
    kubeconfig: await writeKubeconfig(`gate-${port}`, config),
    shut,
    close: shut,
    async open() {
      const opened = createServer((client) => {
        const upstream = connect(Number(target.port || 443), target.hostname);
        for (const socket of [client, upstream]) {
          sockets.add(socket);
          socket.on('close', () => sockets.delete(socket));
          socket.on('error', () => undefined);
        }
        client.pipe(upstream).pipe(client);
        client.on('close', () => upstream.destroy());
        upstream.on('close', () => client.destroy());
      });
      await new Promise<void>((resolve, reject) => {
        opened.once('error', reject);
        opened.listen(port, '127.0.0.1', resolve);
      });
      server = opened;
    },
  };
}

/** A service account with just these rules in its namespace, and a kubeconfig that acts as it. */
export async function limitedKubeconfig(namespace: string, name: string, rules: string[]): Promise<string> {
  await kubectl('create', 'serviceaccount', name, '-n', namespace);
  if (rules.length > 0) {
    await kubectl('create', 'role', name, '-n', namespace, ...rules);
    await kubectl(
      'create',
      'rolebinding',
      name,
      '-n',
      namespace,
      `--role=${name}`,
      `--serviceaccount=${namespace}:${name}`,
    );
  }
  return accountKubeconfig(namespace, name);
}

/** A kubeconfig that acts as a service account that exists. */
export async function accountKubeconfig(namespace: string, name: string): Promise<string> {
  const token = await kubectl('create', 'token', name, '-n', namespace, '--duration=1h');
  const config = await readKubeconfig();
  const [cluster] = config.clusters;
  if (!cluster) throw new Error('The kubeconfig names no cluster.');
  return writeKubeconfig(`${namespace}-${name}`, {
    ...config,
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: cluster.name, user: name, namespace } }],
    'current-context': name,
  });
}
