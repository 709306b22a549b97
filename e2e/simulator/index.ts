/**
 * A Kubernetes API server with CloudNativePG, in this process: for unit tests, for faults that a real cluster does not
 * show on demand, and for a demonstration without a cluster. It listens on 127.0.0.1 without TLS.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { webhooks } from './admission/webhooks.ts';
import { Access } from './api/access.ts';
import { expired } from './api/api-error.ts';
import { startGarbageCollection } from './api/deletes.ts';
import { FaultList } from './api/faults.ts';
import type { Machine } from './api/machine.ts';
import { seconds } from './api/metadata.ts';
import { Logs } from './api/pods.ts';
import { Resources } from './api/resources.ts';
import { type ServerParts, serve } from './api/server.ts';
import { Store } from './api/store.ts';
import { Watches } from './api/watches.ts';
import { startOperator } from './operator/operator.ts';
import type { SimulatedPostgres } from './operator/postgres.ts';
import { Postgres } from './operator/postgres.ts';
import { registerWorld, World } from './operator/world.ts';
import { atLeast, cnpgResources, crdOf } from './schemas/kinds.ts';
import { put, simulatorState } from './state.ts';
import type { AccessRule, Faults, RecordedRequest, SimulatorOptions, SimulatorState } from './types.ts';
import { initialObjects } from './world.ts';

export type { SimulatedPostgres } from './operator/postgres.ts';
export type * from './types.ts';

export interface Simulator {
  /** http://127.0.0.1:PORT */
  readonly url: string;
  /** A kubeconfig (YAML) with the one context 'simulated'. */
  readonly kubeconfig: string;
  /** Every request that arrived, in order; the last 20,000. */
  readonly requests: readonly RecordedRequest[];
  clearRequests(): void;
  readonly state: SimulatorState;
  readonly postgres: SimulatedPostgres;
  readonly faults: Faults;
  /** Allows what an earlier rule denied: the newest rule that matches decides. */
  allow(rule: AccessRule): void;
  /** Denies what matches the rule; without any rule everything is allowed. */
  deny(rule: AccessRule): void;
  resetAccess(): void;
  /** Serves the kinds of CloudNativePG from now on. */
  installCrds(): void;
  close(): Promise<void>;
}

const token = 'simulated';

function kubeconfigFor(url: string): string {
  return `apiVersion: v1
kind: Config
clusters:
  - name: simulated
    cluster:
      server: ${url}
      insecure-skip-tls-verify: true
contexts:
  - name: simulated
    context:
      cluster: simulated
      user: simulated
      namespace: default
current-context: simulated
users:
  - name: simulated
    user:
      token: ${token}
`;
}

/** Listening that can be stopped and taken up again on the same port. */
class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port: number;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Starts a simulator; close it with {@link Simulator.close}. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, operatorVersion = '1.30.0', speed = 1, operator = true, crds = true } = options;
  const now = options.now ?? (() => new Date());
  const resources = new Resources();
  const store = new Store();
  const machine: Machine = { store, resources, webhooks: webhooks(operatorVersion), kubelets: operator, now };
  const logs = new Logs();
  const watches = new Watches();
  const access = new Access();
  const faultList = new FaultList();
  const requests: RecordedRequest[] = [];
  const postgres = new Postgres(machine, operatorVersion);
  let tokenAccepted = true;

  const installCrds = (): void => {
    for (const type of cnpgResources(operatorVersion)) {
      resources.add(type);
      put(machine, crdOf(type, seconds(now())));
    }
  };
  for (const object of initialObjects(operatorVersion, seconds(now()))) put(machine, object);
  if (crds) installCrds();

  const parts: ServerParts = {
    machine,
    access,
    faults: faultList,
    watches,
    logs,
    ports: postgres.ports,
    requests,
    authenticate: (given) =>
      given === token && tokenAccepted ? { user: 'simulated', groups: ['system:authenticated'] } : undefined,
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(parts, request, response);
  });
  const listener = new Listener(server, port);
  await listener.start();
  const stopCollection = startGarbageCollection(machine);
  const world = new World(machine, postgres, logs, operatorVersion, atLeast(operatorVersion, '1.30'));
  const stopOperator = operator ? startOperator(world, speed) : () => {};
  const url = `http://127.0.0.1:${listener.port}`;

  const simulator: Simulator = {
    url,
    kubeconfig: kubeconfigFor(url),
    requests,
    clearRequests: () => {
      requests.length = 0;
    },
    state: simulatorState(machine, logs),
    postgres,
    faults: {
      add: (fault) => faultList.add(fault),
      expireToken: () => {
        tokenAccepted = false;
      },
      renewToken: () => {
        tokenAccepted = true;
      },
      expireContinue: () => store.compact(),
      expireWatches: () => {
        store.compact();
        watches.endAll(expired(`too old resource version: ${store.revision - 1} (${store.revision})`).status);
      },
      down: () => listener.stop(),
      up: () => listener.start(),
      clear: () => {
        faultList.clear();
        tokenAccepted = true;
      },
    },
    allow: (rule) => access.add(true, rule),
    deny: (rule) => access.add(false, rule),
    resetAccess: () => access.reset(),
    installCrds,
    close: async () => {
      stopOperator();
      stopCollection();
      watches.endAll();
      await listener.stop();
    },
  };
  registerWorld(simulator, world);
  return simulator;
}
