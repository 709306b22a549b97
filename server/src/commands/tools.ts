import { compose } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import { localPrincipal } from '../policy/principal.ts';
import type { Command } from './command.ts';

export const command: Command = {
  usage: 'tools [--json] [settings]',
  description: 'Lists the tools that this server offers with the configuration that is in force.',
  options: { json: { switch: true, description: 'Print them as tools/list shows them, as JSON.' } },
  sections: ['policy'],
  async run({ terminal, options, sources }) {
    const { config } = await loadConfig(sources);
    const { registry, surface, close } = await compose(config, { audit: () => undefined });
    const offered = await surface.tools.list({
      principal: localPrincipal,
      canAsk: false,
      requestId: 'tools',
    });
    await close();
    if (options.has('json')) {
      terminal.out(`${JSON.stringify(offered, null, 2)}\n`);
      return 0;
    }
    const width = Math.max(0, ...offered.map(({ name }) => name.length));
    for (const { name, title } of offered) {
      terminal.out(`${name.padEnd(width)}  ${registry.find(name)?.effect.padEnd(7)}  ${title}\n`);
    }
    return 0;
  },
};
