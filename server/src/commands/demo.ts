import { startSimulator } from '../../../e2e/simulator/index.ts';
import { populateDemo } from '../../../e2e/simulator/scenes.ts';
import { loadConfig } from '../config/load.ts';
import { clientSnippets } from './client-snippets.ts';
import type { Command } from './command.ts';
import { startHttpServer } from './http-server.ts';
import { endRequested } from './signals.ts';

export const command: Command = {
  usage: 'demo [settings]',
  description:
    'Serves MCP clients over HTTP with a simulated Kubernetes in the same process: nothing else is needed, nothing real is touched, and ' +
    'everything is forgotten when it ends.',
  sections: ['process', 'http', 'auth', 'sessions', 'policy', 'confirmation', 'audit', 'postgresql'],
  async run({ terminal, sources }) {
    const { config } = await loadConfig(sources);
    const ended = endRequested();
    const simulator = await startSimulator();
    try {
      populateDemo(simulator);
      // Whatever is configured about real clusters has no meaning here.
      const simulated = { ...config, kubeconfig: undefined, context: undefined, namespace: 'demo' };
      const server = await startHttpServer(simulated, { kubeconfigText: simulator.kubeconfig });
      terminal.error(`
The cluster behind this server is SIMULATED: no Kubernetes, no PostgreSQL, no data.

MCP:        ${server.url}
Management: ${server.managementUrl} (/healthz, /readyz, /metrics)
Kubernetes: ${simulator.url} (simulated)

${clientSnippets(server.url)}

Then ask: "Which of my PostgreSQL clusters need attention, and why?"
Ctrl-C ends it.
`);
      await ended;
      await server.stop({ delay: false });
    } finally {
      await simulator.close();
    }
    return 0;
  },
};
