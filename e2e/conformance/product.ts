/** The product itself, with the tools and resources that it really has, in front of a simulated cluster. */
import { compose } from '../../server/src/compose.ts';
import { configSchema } from '../../server/src/config/schema.ts';
import { startSimulator } from '../simulator/index.ts';
import { type RunningServer, serve } from './server.ts';

export async function productServer(): Promise<RunningServer> {
  const simulator = await startSimulator();
  const config = configSchema.parse({});
  const composition = await compose(config, {
    audit: () => undefined,
    kubeconfigText: simulator.kubeconfig,
  });
  const server = await serve(composition.surface);
  return {
    url: server.url,
    async close() {
      await server.close();
      await composition.close();
      await simulator.close();
    },
  };
}
