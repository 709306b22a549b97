/** The real terminal of this process. */
import { once } from 'node:events';
import type { Terminal } from './command.ts';
import { outliveOutput } from './standard-output.ts';

/** Standard streams and environment of the process. Asking needs a terminal on both ends. */
export function terminal(): Terminal {
  outliveOutput('cnpg-mcp');
  return {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    watched: process.stderr.isTTY === true,
    ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  };
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  // On standard error: standard output holds the answer and may go into a file.
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // Ctrl-C and Ctrl-D close the reader, and then nobody answers the question any more.
    const closed = once(reader, 'close').then(() => '');
    return (await Promise.race([reader.question(question), closed])).trim();
  } finally {
    reader.close();
  }
}
