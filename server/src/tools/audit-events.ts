/**
 * Leaves an Event at every cluster that was changed through this server, so that `kubectl describe cluster` tells who did it.
 * The server's own account writes it: the person who made the change could else leave it out.
 */
import { randomBytes } from 'node:crypto';
import type { KubeGateway, KubeObject } from '../kube/gateway.ts';
import { apiVersionOf, resources } from '../kube/resources.ts';
import { cleanText } from './fence.ts';
import { guardGateway } from './guarded-gateway.ts';
import { permission } from './permission.ts';
import type { AuditRecord } from './pipeline.ts';

const owner = {
  name: 'audit events',
  effect: 'operate' as const,
  permissions: [
    permission('events', ['create'], 'with audit.events, every change of a cluster leaves an Event there', {
      optional: true,
      addOn: 'auditEvents',
    }),
    permission('clusters', ['get'], 'the Event refers to the very cluster, by its uid', { optional: true }),
  ],
};

/** What writing these Events needs. */
export const auditEventsUser = owner;

/** Longest message of an Event, as the API server has it, less what cutting adds. */
const longestMessage = 900;

/** Makes the function that is told of every call. It never throws and nothing waits for it. */
export function createAuditEvents(
  kube: KubeGateway,
  onProblem: (message: string) => void,
  now: () => Date = () => new Date(),
): (record: AuditRecord) => void {
  const acting = guardGateway(kube, owner, new AbortController().signal);
  return (record) => {
    const { cluster, namespace, changed } = record;
    if (!changed || cluster === undefined || namespace === undefined || namespace === '*') return;
    void write(acting, record, cluster, namespace, now()).catch((thrown: Error) =>
      onProblem(`The Event about ${record.tool} in ${namespace} was not written: ${thrown.message}`),
    );
  };
}

async function write(
  kube: KubeGateway,
  record: AuditRecord,
  cluster: string,
  namespace: string,
  time: Date,
): Promise<void> {
  // A cluster that was deleted, or may not be read, still deserves its Event.
  const found = await kube.get<KubeObject>('clusters', { name: cluster, namespace }).catch(() => undefined);
  const stamp = time.toISOString().replace(/\.\d+Z$/, 'Z');
  await kube.create('events', {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${cluster}.${randomBytes(8).toString('hex')}`, namespace },
    involvedObject: {
      apiVersion: apiVersionOf(resources.clusters),
      kind: resources.clusters.kind,
      name: cluster,
      namespace,
      ...(found?.metadata.uid !== undefined && { uid: found.metadata.uid }),
    },
    type: 'Normal',
    reason: 'ChangedThroughMcp',
    message: messageOf(record),
    source: { component: 'cnpg-mcp' },
    firstTimestamp: stamp,
    lastTimestamp: stamp,
    count: 1,
  });
}

function messageOf({ tool, outcome, displayName, principal, client, requestId }: AuditRecord): string {
  const identity = client === undefined ? principal : `${principal}, client ${client}`;
  return cleanText(
    `${tool}: ${outcome}. Asked for by ${displayName} (${identity}), request ${requestId}.`,
    longestMessage,
  );
}
