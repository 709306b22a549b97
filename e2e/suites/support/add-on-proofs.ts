/** For each add-on and each part of the server that uses it: a call whose answer shows whether the server has the right. */
import { randomBytes } from 'node:crypto';
import { permissionTable, rightUsers } from '../../../server/src/permissions.ts';
import type { AddOn } from '../../../server/src/tools/permission.ts';
import { apply, clusterManifest, getObject, kubectl, until, untilHealthy } from './kubernetes.ts';
import { callTool, type Endpoint } from './release.ts';
import type { Answer } from './server.ts';
import { calls } from './tool-calls.ts';

/** A call, and what only its answer without and with the add-on says. */
export interface Proof {
  say(pod: Endpoint): Promise<string>;
  without: RegExp;
  with: RegExp;
}

/** A running cluster of one instance, which the suite makes. */
export const running = 'live';

const noClass = 'no-such-class';
/** Clusters without a volume, one for each add-on that tells why; several calls change them at the same time. */
const stuck = { events: 'stuck-events', storage: 'stuck-storage' };

export async function applyStuckClusters(namespace: string): Promise<void> {
  const storage = { size: '400Mi', storageClass: noClass };
  await apply(...Object.values(stuck).map((name) => clusterManifest(namespace, name, { storage })));
}

const call = (pod: Endpoint, tool: string, args: Record<string, unknown>): Promise<Answer> =>
  callTool(pod, tool, { ...args, namespace: pod.namespace });

const textOf =
  (tool: string, args = calls[tool] ?? {}) =>
  async (pod: Endpoint): Promise<string> =>
    (await call(pod, tool, args)).text;

/** The shortest that a tool waits. */
const waiting = { wait: true, timeout: 30 };

const createStuck = (pod: Endpoint): Promise<string> => {
  const name = `stuck-${randomBytes(3).toString('hex')}`;
  return textOf('create_postgres_cluster', {
    name,
    instances: 1,
    storage_class: noClass,
    ...waiting,
  })(pod);
};

/** Sets the other of one and two instances, so that each call changes something. */
const scaleStuck =
  (name: string) =>
  async (pod: Endpoint): Promise<string> => {
    const { spec } = await getObject('cluster', name, pod.namespace);
    return textOf('scale_postgres_cluster', { name, instances: 3 - spec.instances, ...waiting })(pod);
  };

const roleTool = (tool: string): Proof => ({
  say: textOf(tool),
  without: /It comes with: preset edit \(rbac\.preset\) with add-on secrets/,
  with: /The API server accepted every step/,
});

const provisioning = /No volume could be made for the claim \S+ \(storage class no-such-class/;
const className = /The storage class no-such-class does not exist/;
const noVolume = /there is none for the claim \S+ \(storage class no-such-class\)/;

/** Changes something for real; then either the Event is there, or the log says why it is not. */
async function auditTrail(pod: Endpoint): Promise<string> {
  const { namespace } = pod;
  const database = `audited_${randomBytes(3).toString('hex')}`;
  const { isError, text } = await call(pod, 'create_postgres_database', {
    ...calls.create_postgres_database,
    database_name: database,
    dry_run: false,
  });
  if (isError) throw new Error(text);
  return until('the Event is there, or the log says that it is not', 20, async () => {
    const [log, events] = await Promise.all([
      kubectl('logs', '-n', namespace, '-l', 'app.kubernetes.io/component=server', '--tail=-1'),
      kubectl('get', 'events', '-n', namespace, '--field-selector', 'reason=ChangedThroughMcp'),
    ]);
    return [events, log]
      .flatMap((lines) => lines.split('\n'))
      .find((line) => /create_postgres_database: |The Event about create_postgres_database/.test(line));
  });
}

/** By add-on, then by the name of who uses it. */
export const proofs: Readonly<Record<AddOn, Readonly<Record<string, Proof>>>> = {
  secrets: {
    create_postgres_role: roleTool('create_postgres_role'),
    update_postgres_role: roleTool('update_postgres_role'),
    delete_postgres_role: roleTool('delete_postgres_role'),
    delete_postgres_cluster: {
      say: textOf('delete_postgres_cluster'),
      without:
        /Secrets with passwords of roles remain \(cnpg-shop-user-kept\): this server may not read them/,
      with: /Delete Secret cnpg-shop-user-kept, which this server made/,
    },
  },
  podLogs: {},
  podProxy: {},
  events: {
    get_cluster_status: {
      say: textOf('get_cluster_status', { name: stuck.events }),
      without: noVolume,
      with: provisioning,
    },
    create_postgres_cluster: {
      say: createStuck,
      without: /Not looked at, for lack of rights: events/,
      with: provisioning,
    },
    scale_postgres_cluster: {
      say: scaleStuck(stuck.events),
      without: /Not looked at, for lack of rights: events/,
      with: provisioning,
    },
  },
  storage: {
    get_cluster_status: {
      say: textOf('get_cluster_status', { name: stuck.storage }),
      without: noVolume,
      with: className,
    },
    create_postgres_cluster: {
      say: textOf('create_postgres_cluster', {
        ...calls.create_postgres_cluster,
        storage_class: noClass,
      }),
      without: /Whether the storage class exists was not checked, for lack of rights/,
      with: className,
    },
    scale_postgres_cluster: {
      say: scaleStuck(stuck.storage),
      without: /the cluster is not ready within 30 s/,
      with: className,
    },
    delete_postgres_cluster: {
      async say(pod) {
        await untilHealthy(pod.namespace, running);
        return textOf('delete_postgres_cluster', { name: running, dry_run: true })(pod);
      },
      without: /the volume's reclaim policy decides about the data/,
      with: /deleted, with its volume and the data|keeps the data \(reclaim policy Retain\)/,
    },
  },
  nodes: {},
  auditEvents: {
    'audit events': {
      say: auditTrail,
      without: /The Event about create_postgres_database in \S+ was not written/,
      with: /ChangedThroughMcp .*create_postgres_database: requested/,
    },
  },
};

/** Everybody who uses an add-on, by the table of rights. */
export function usersOf(addOn: AddOn): string[] {
  const rows = permissionTable(rightUsers).filter((row) => row.addOn === addOn);
  return [...new Set(rows.flatMap(({ tools }) => tools.map(({ name }) => name)))].sort();
}

/** What everybody who uses an add-on says, by name. All at once, because some wait for the operator. */
export async function answersOf(pod: Endpoint, addOn: AddOn): Promise<Map<string, string>> {
  const said = Object.entries(proofs[addOn]).map(
    async ([user, proof]) => [user, await proof.say(pod)] as const,
  );
  return new Map(await Promise.all(said));
}
