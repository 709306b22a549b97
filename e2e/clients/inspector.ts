/** The command line of the MCP Inspector: one process for each request, and nobody in front of it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ClientKind } from './connection.ts';
import { answerOf, versionOf } from './official.ts';

const program = fileURLToPath(
  new URL(
    'clients/launcher/build/index.js',
    import.meta.resolve('@modelcontextprotocol/inspector/package.json'),
  ),
);
/** Exit status of a call whose result is an error. The result is printed all the same. */
const toolError = 5;

const output = z.object({ result: z.looseObject({}) });
const tools = z.object({ tools: z.array(z.object({ name: z.string() })) });

/** `era`: what it is told to negotiate; `legacy` is what it does without being told. */
export function inspector(what: string, era: 'legacy' | 'modern'): ClientKind {
  return {
    name: `MCP Inspector CLI, ${what}`,
    transport: 'HTTP',
    async connect(url) {
      // It keeps a catalogue of servers in the home folder; a test must not touch the person's own.
      const home = await mkdtemp(join(tmpdir(), 'cnpg-mcp-inspector-'));
      const run = async (...args: string[]): Promise<unknown> => {
        const options = ['--cli', url, '--protocol-era', era, '--format', 'json', '--quiet', ...args];
        return output.parse(JSON.parse(await execute(options, home))).result;
      };
      return {
        version: await versionOf('@modelcontextprotocol/inspector'),
        list: async () => tools.parse(await run('--method', 'tools/list')).tools.map(({ name }) => name),
        call: async (tool, args) => {
          const json = JSON.stringify(args);
          return answerOf(await run('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', json));
        },
        close: () => rm(home, { recursive: true, force: true }),
      };
    },
  };
}

function execute(args: string[], home: string): Promise<string> {
  const env = { ...process.env, HOME: home, MCP_CATALOG_PATH: join(home, 'catalog.json') };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(process.execPath, [program, ...args], { env }, (error, stdout, stderr) => {
    if (error && error.code !== toolError)
      reject(new Error(`The Inspector failed: ${stderr}`, { cause: error }));
    else resolve(stdout);
  });
  return promise;
}
