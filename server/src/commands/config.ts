import { effectiveSettings } from '../config/effective.ts';
import { loadConfig } from '../config/load.ts';
import { oidcFilePlaces } from '../config/oidc-file.ts';
import { type Section, sections } from '../config/setting.ts';
import type { Command } from './command.ts';

export const command: Command = {
  usage: 'config [--json] [settings]',
  description:
    'Prints the configuration that is in force, and where each setting comes from. Secrets are masked.',
  options: { json: { switch: true, description: 'Print JSON.' } },
  sections: Object.keys(sections) as Section[],
  async run({ terminal, options, sources }) {
    const effective = effectiveSettings(await loadConfig({ ...sources, oidcFilePlaces }));
    if (options.has('json')) {
      terminal.out(`${JSON.stringify(effective, null, 2)}\n`);
      return 0;
    }
    const width = Math.max(...effective.map(({ key }) => key.length));
    for (const { key, value, origin } of effective) {
      const shown = value === undefined ? '-' : typeof value === 'string' ? value : JSON.stringify(value);
      terminal.out(`${key.padEnd(width)}  ${shown}  (${origin})\n`);
    }
    return 0;
  },
};
