import { createGateway } from '../../server/src/kube/client-node/index.ts';
import { gatewayContract } from '../contract/gateway.contract.ts';
import { startSimulator } from './index.ts';

gatewayContract('the simulator', async () => {
  const simulator = await startSimulator({ speed: 100, operator: false });
  const gateway = createGateway({ kubeconfigText: simulator.kubeconfig });
  await gateway.create('namespaces', { metadata: { name: 'contract' } });
  simulator.deny({ user: 'stranger' });
  return {
    gateway,
    namespace: 'contract',
    stranger: 'stranger',
    expire: (token) => {
      simulator.faults.expireContinue();
      return token;
    },
    close: async () => {
      await gateway.close();
      await simulator.close();
    },
  };
});
