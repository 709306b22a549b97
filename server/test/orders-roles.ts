/** The roles of a running cluster `orders`, for tests of the tools that make and drop them. */
import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { KubeObject } from '../../e2e/simulator/index.ts';
import type { SimulatedRole } from '../../e2e/simulator/operator/postgres.ts';
import { createPostgresRole } from '../src/tools/catalog/create-postgres-role.ts';
import { deletePostgresRole } from '../src/tools/catalog/delete-postgres-role.ts';
import { type Harness, type HarnessAnswer, type HarnessOptions, startHarness } from './harness.ts';
import { demo, managedRoles, orders, startOrders, writes } from './running-cluster.ts';

export interface OrdersRoles {
  /** Of the test that runs. */
  readonly harness: Harness;
  /** Starts the cluster anew in another surrounding. */
  restart(options: HarnessOptions): Promise<void>;
  /** Arguments that name one role. */
  args(role: string): { cluster_name: string; namespace: string; role_name: string };
  create(role: string, more?: object): Promise<HarnessAnswer>;
  /**
   * Begins to create a role, and comes back while its Secret is on the way to the API server, which takes it a little later: PostgreSQL's
   * roles have been looked at, and the role is not declared. `answering`: what the call answers in the end.
   */
  createUntilSecret(role: string, more?: object): Promise<{ answering: Promise<HarnessAnswer> }>;
  /** Deletes a role, with the confirmation that the first call asks for. */
  remove(role: string): Promise<HarnessAnswer>;
  /** States and codes, sorted: which of several calls gets which is a matter of time. */
  outcomesOf(answers: HarnessAnswer[]): string[];
  /** The role as PostgreSQL has it. */
  inPostgres(role: string): SimulatedRole | undefined;
  /** Whether PostgreSQL has the role. */
  exists(role: string): boolean;
  /** The Secret that this server makes for a role. */
  secret(role: string): KubeObject | undefined;
  /** The resourceVersion of the Secret whose password the operator has written last; undefined for none. */
  passwordVersion(role: string): string | undefined;
  databaseRole(name: string): KubeObject | undefined;
  /** Puts one entry into spec.managed.roles besides those that this server made, in place of an earlier one of its name. */
  declareRole(role: { name: string } & Record<string, unknown>): Promise<void>;
  /** A Database of the cluster that the operator does not act on. */
  putDatabase(spec: object): void;
}

/** Starts the cluster before each test of the file, and ends it afterwards. */
export function ordersRoles(): OrdersRoles {
  let harness: Harness;
  const start = async (options?: HarnessOptions): Promise<void> => {
    harness = await startHarness(options);
    await startOrders(harness);
  };
  beforeEach(() => start());
  afterEach(() => harness.close());

  const create: OrdersRoles['create'] = (role, more = {}) =>
    harness.call(createPostgresRole, { ...args(role), ...more });
  const args = (role_name: string) => ({ cluster_name: 'orders', namespace: demo, role_name });
  return {
    get harness() {
      return harness;
    },
    async restart(options) {
      await harness.close();
      await start(options);
    },
    args,
    create,
    async createUntilSecret(role, more) {
      const { simulator } = harness;
      simulator.faults.add({ match: { verb: 'create', resource: 'secrets' }, delayMs: 300, times: 1 });
      simulator.clearRequests();
      const answering = create(role, more);
      await vi.waitFor(() => expect(writes(harness)).toContain('create secrets'));
      return { answering };
    },
    remove: (role) => harness.confirmed(deletePostgresRole, args(role)),
    outcomesOf: (answers) =>
      answers.map(({ structured }) => structured.state ?? structured.error.code).sort(),
    inPostgres: (role) => harness.simulator.postgres.role(demo, 'orders', role),
    exists: (role) => harness.simulator.postgres.roleExists(demo, 'orders', role),
    secret: (role) => harness.simulator.state.get('secrets', demo, `cnpg-orders-user-${role}`),
    passwordVersion: (role) =>
      orders(harness).status?.managedRolesStatus?.passwordStatus?.[role]?.resourceVersion,
    databaseRole: (name) => harness.simulator.state.get('databaseroles', demo, name),
    async declareRole(role) {
      const others = managedRoles(harness).filter(({ name }) => name !== role.name);
      const body = [{ op: 'add' as const, path: '/spec/managed', value: { roles: [...others, role] } }];
      await harness.kube.patch('clusters', { name: 'orders', namespace: demo }, { type: 'json', body });
    },
    putDatabase(spec) {
      harness.simulator.state.put({
        apiVersion: 'postgresql.cnpg.io/v1',
        kind: 'Database',
        metadata: { name: 'a-database', namespace: demo },
        spec: { cluster: { name: 'orders' }, name: 'db', ...spec },
      });
    },
  };
}
