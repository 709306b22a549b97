import { version } from '../version.ts';
import type { Command } from './command.ts';

export const command: Command = {
  usage: 'version',
  description: 'Prints the version of this program and of the Node that it runs on.',
  sections: [],
  async run({ terminal }) {
    terminal.out(`cnpg-mcp ${version} (Node ${process.version})\n`);
    return 0;
  },
};
