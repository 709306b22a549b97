import { policyOf } from '../config/checks.ts';
import { loadConfig } from '../config/load.ts';
import { decide } from '../policy/decide.ts';
import { localPrincipal } from '../policy/principal.ts';
import { catalogue } from '../tools/catalog/index.ts';
import { describeTool } from '../tools/registry.ts';
import type { Command } from './command.ts';

export const command: Command = {
  usage: 'tools [--json] [settings]',
  description: 'Lists the tools that this server offers with the configuration that is in force.',
  options: { json: { switch: true, description: 'Print them as tools/list shows them, as JSON.' } },
  sections: ['policy'],
  async run({ terminal, options, sources }) {
    const policy = policyOf((await loadConfig(sources)).config);
    const offered = catalogue.filter(
      ({ name, toolset, effect }) => decide({ tool: name, toolset, effect }, localPrincipal, policy).allowed,
    );
    if (options.has('json')) {
      terminal.out(`${JSON.stringify(offered.map(describeTool), null, 2)}\n`);
      return 0;
    }
    const width = Math.max(0, ...offered.map(({ name }) => name.length));
    for (const { name, effect, title } of offered) {
      terminal.out(`${name.padEnd(width)}  ${effect.padEnd(7)}  ${title}\n`);
    }
    return 0;
  },
};
