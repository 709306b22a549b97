import { loadConfig } from '../config/load.ts';
import { oidcFilePlaces } from '../config/oidc-file.ts';
import { everySection } from '../config/setting.ts';
import type { Command } from './command.ts';
import { startHttpServer } from './http-server.ts';
import { preferSmallMemory } from './memory.ts';
import { endRequested } from './signals.ts';

export const command: Command = {
  usage: 'serve [settings]',
  description:
    'Serves MCP clients over HTTP (streamable HTTP, at /mcp). Health, readiness and metrics are on the management port. ' +
    'SIGTERM lets running calls end first.',
  sections: everySection,
  async run({ terminal, sources }) {
    preferSmallMemory();
    const { config, warnings } = await loadConfig({ ...sources, oidcFilePlaces });
    const ended = endRequested();
    const server = await startHttpServer(config, { warnings });
    if (terminal.watched)
      terminal.error(`cnpg-mcp listens on ${server.url} (management: ${server.managementUrl})\n`);
    const signal = await ended;
    await server.stop({ delay: signal === 'SIGTERM' });
    return 0;
  },
};
