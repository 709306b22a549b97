/** Two servers with one confirmation key behind one address, and nothing that keeps a client with one of them. */
import { randomBytes } from 'node:crypto';
import { type Front, startFront } from './front.ts';
import { clusterManifest } from './kubernetes.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';

export interface Replicas {
  servers: RunningServer[];
  /** Of the MCP endpoint of each. */
  urls: [string, string];
  /** The address in front of both. */
  front: Front;
  stop(): Promise<void>;
}

export async function startReplicas(options: ServerOptions = {}): Promise<Replicas> {
  const env = { ...options.env, CNPG_MCP_CONFIRMATION_KEY: randomBytes(32).toString('base64') };
  const start = (): Promise<RunningServer> => startServer('http', { ...options, env });
  const [one, other] = await Promise.all([start(), start()]);
  const front = await startFront([one.url as string, other.url as string]);
  return {
    servers: [one, other],
    urls: [`${one.url}/mcp`, `${other.url}/mcp`],
    front,
    async stop() {
      await front.close();
      for (const server of [one, other]) await server.stop();
    },
  };
}

/** A cluster that the operator leaves alone: an object without instances. */
export function idleCluster(namespace: string, name: string): object {
  const manifest = clusterManifest(namespace, name) as { metadata: object };
  const annotations = { 'cnpg.io/reconciliationLoop': 'disabled' };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}
