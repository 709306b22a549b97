/** The product itself, with the tools and resources that it really has, in front of a simulated cluster. */
import { compose } from '../../server/src/compose.ts';
import { configSchema } from '../../server/src/config/schema.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { type RunningServer, serve } from './server.ts';

export interface ProductServer extends RunningServer {
  simulator: Simulator;
}

export async function productServer(): Promise<ProductServer> {
  const simulator = await startSimulator({ speed: 100 });
  const config = configSchema.parse({});
  const composition = await compose(config, {
    audit: () => undefined,
    kubeconfigText: simulator.kubeconfig,
  });
  const server = await serve(composition.surface);
  return {
    url: server.url,
    simulator,
    async close() {
      await server.close();
      await composition.close();
      await simulator.close();
    },
  };
}
