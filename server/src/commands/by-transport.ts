/** Without a command the transport setting decides, as in the reference system: `cnpg-mcp --transport http --port 4204`. */
import { loadConfig } from '../config/load.ts';
import { everySection } from '../config/setting.ts';
import type { Command } from './command.ts';

export const command: Command = {
  usage: '[--transport stdio|http] [settings]',
  description: 'Serves MCP clients over the transport that is set.',
  sections: everySection,
  async run(invocation) {
    const { transport } = (await loadConfig(invocation.sources)).config;
    const { command: chosen } =
      transport === 'http' ? await import('./serve.ts') : await import('./stdio.ts');
    return chosen.run(invocation);
  },
};
