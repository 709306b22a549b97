/** A bare HTTP client for the simulator's own tests. */

import { afterEach } from 'vitest';
import { type Simulator, startSimulator } from './index.ts';
import type { Fields, KubeObject, SimulatorOptions } from './types.ts';

export interface Answer {
  status: number;
  body: Fields;
  headers: Headers;
}

/** The content types of PATCH. */
export const types = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export const cnpg = (namespace: string) => `/apis/postgresql.cnpg.io/v1/namespaces/${namespace}`;
export const core = (namespace: string) => `/api/v1/namespaces/${namespace}`;

/** Sends a request as the user of the kubeconfig; a body that is no text goes as JSON. */
export async function send(
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${simulator.url}${path}`, {
    method,
    headers: {
      authorization: 'Bearer simulated',
      'content-type': 'application/json',
      'user-agent': 'a-test/1.0',
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: parsed(text), headers: response.headers };
}

function parsed(text: string): Fields {
  try {
    return JSON.parse(text) as Fields;
  } catch {
    return { text };
  }
}

export function patch(
  simulator: Simulator,
  path: string,
  body: unknown,
  contentType = types.merge,
): Promise<Answer> {
  return send(simulator, 'PATCH', path, body, { 'content-type': contentType });
}

export function object(kind: string, name: string, spec: Fields = {}): KubeObject {
  return { apiVersion: 'postgresql.cnpg.io/v1', kind, metadata: { name }, spec };
}

/** A Cluster as a client would create it. */
export function cluster(name: string, spec: Fields = {}): KubeObject {
  return object('Cluster', name, { instances: 1, storage: { size: '1Gi' }, ...spec });
}

const open: Simulator[] = [];

/** Starts a simulator that is closed after the test. Without `operator: true` nobody acts on its objects. */
export async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ operator: false, speed: 100, ...options });
  open.push(simulator);
  return simulator;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
});
