/** A cluster with one replica that lost its place: the WAL it needs is gone from the primary. */

import type { Simulator } from '../index.ts';
import { lsn, walFile } from '../operator/instance-ports.ts';
import { settle } from '../operator/operator.ts';
import { type Place, worldOf } from '../operator/world.ts';
import { putHealthyCluster } from './clusters.ts';

/** Where the replica stopped. */
const position = 48 * 2 ** 20;

/**
 * Three instances of which the third runs but is not ready: it asks again and again for a WAL segment that the primary
 * has removed. The phase stays "Cluster in healthy state"; readyInstances, the pod's events, the log and /pg/status tell.
 */
export function putBrokenReplica(simulator: Simulator, { namespace, name }: Place, born: Date): void {
  const { postgres, state } = simulator;
  const third = `${name}-3`;
  putHealthyCluster(
    simulator,
    {
      name,
      namespace,
      spec: {
        storage: { size: '10Gi' },
        bootstrap: { initdb: { database: name, owner: name } },
        postgresql: { parameters: { wal_keep_size: '128MB', max_slot_wal_keep_size: '1GB' } },
        probes: { readiness: { type: 'streaming', maximumLag: '64Mi' } },
      },
    },
    born,
  );
  const now = worldOf(simulator).machine.now();
  const since = new Date(now.getTime() - 3 * 3_600_000);
  const world = worldOf(simulator, since);
  settle(world, () => {
    postgres.behave(namespace, third, {
      ready: false,
      status: { isWalReceiverActive: false, receivedLsn: lsn(position), replayLsn: lsn(position) },
    });
    // The readiness probe is asked again because something changed at the pod.
    world.update('pods', { namespace, name: third }, (pod) => {
      pod.metadata.annotations = { ...pod.metadata.annotations, 'cnpg.io/podEnvHash': '6d79765bbf' };
    });
  });
  postgres.behave(namespace, `${name}-1`, {
    status: {
      replicationSlotsInfo: [
        { slotName: `_cnpg_${name}_2`, slotType: 'physical', walStatus: 'reserved', active: true },
        { slotName: `_cnpg_${name}_3`, slotType: 'physical', walStatus: 'lost', active: false },
      ],
    },
  });
  const segment = walFile(1, position);
  const pod = state.get('pods', namespace, third);
  if (pod === undefined) return;
  const unready = 'Readiness probe failed: HTTP probe failed with statuscode: 500';
  for (let minute = 0; minute < 5; minute += 1) {
    const at = worldOf(simulator, new Date(now.getTime() - (5 - minute) * 60_000));
    at.event(pod, 'Warning', 'Unhealthy', unready, 'kubelet');
    const where = { namespace, name: third };
    at.log(where, 'postgres', 'info', 'postgres', 'record', {
      record: {
        error_severity: 'LOG',
        sql_state_code: '00000',
        backend_type: 'walreceiver',
        message: `started streaming WAL from primary at ${lsn(position)} on timeline 1`,
      },
    });
    at.log(where, 'postgres', 'info', 'postgres', 'record', {
      record: {
        error_severity: 'FATAL',
        sql_state_code: '08P01',
        backend_type: 'walreceiver',
        message: `could not receive data from WAL stream: ERROR:  requested WAL segment ${segment} has already been removed`,
      },
    });
  }
}
