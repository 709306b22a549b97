import { get } from 'node:http';
import { loadConfig } from '../config/load.ts';
import { UsageError } from '../config/usage-error.ts';
import type { Command } from './command.ts';

const timeoutSeconds = 5;

export const command: Command = {
  usage: 'healthcheck [settings]',
  description:
    'Asks the server that runs here with the same settings whether it is ready. Exit status 0: it is.',
  sections: ['http'],
  async run({ terminal, sources }) {
    const { config } = await loadConfig(sources);
    if (config.port === 0)
      throw new UsageError('With port 0 nobody knows where the server listens: give its --port.');
    const { status, body } = await ask(reachable(config.host), config.port);
    (status === 200 ? terminal.out : terminal.error)(`${body.trim()}\n`);
    return status === 200 ? 0 : 1;
  },
};

/** A server that listens on every address is asked on loopback. */
function reachable(host: string): string {
  return host === '::' ? '::1' : host === '0.0.0.0' ? '127.0.0.1' : host;
}

function ask(host: string, port: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, body: `not reachable: ${error.message}` });
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    get({ host, port, path: '/readyz', agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', failed);
    }).on('error', failed);
  });
}
