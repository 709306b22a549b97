/** Holds the gateway's contract against a real API server, so that the simulator, which is held against it too, stays true. */
import { inject } from 'vitest';
import { createGateway } from '../../server/src/kube/client-node/index.ts';
import { gatewayContract } from '../contract/gateway.contract.ts';
import { deleteNamespace, makeNamespace } from './support/kubernetes.ts';

/** etcd forgets what is older than its compaction interval (5 minutes by default) once or twice that time has gone by. */
const forgettingMinutes = 15;

const { provider, kubeconfig } = inject('cluster');
const gateway = createGateway({ kubeconfigPath: kubeconfig });
const { metadata } = await gateway.get('namespaces', { name: 'kube-system' });
const ageMinutes = (Date.now() - Date.parse(metadata.creationTimestamp ?? '')) / 60_000;

const setup = async () => {
  const namespace = await makeNamespace('contract');
  return {
    gateway,
    namespace,
    stranger: 'contract-stranger',
    expire: fromTheBeginning,
    close: async () => {
      await deleteNamespace(namespace);
      await gateway.close();
    },
  };
};

gatewayContract(`a real API server (${provider})`, setup, { forgets: ageMinutes > forgettingMinutes });

/** The token as if it had been given out at the cluster's first revision: base64url of JSON with the revision in `rv`. */
function fromTheBeginning(token: string): string {
  const content = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Record<string, unknown>;
  return Buffer.from(JSON.stringify({ ...content, rv: 1 })).toString('base64url');
}
