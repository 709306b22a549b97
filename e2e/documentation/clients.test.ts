/** Every line of a page that is for a client leads to a server: the real one, with a simulated cluster. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../server/src/tools/catalog/index.ts';
import { root, serverProgram } from '../scripts/paths.ts';
import { isForClient, listTools, serverOf } from './clients.ts';
import { pages, snippetsOf } from './reader.ts';
import { type Job, Shell } from './shell.ts';

const token = randomBytes(24).toString('hex');
const all = catalogue.map(({ name }) => name).sort();
const lines = pages.flatMap((page) => snippetsOf(page)).filter(({ text }) => isForClient(text));

let folder: string;
let shell: Shell;
/** Address of a server that everybody on this machine may call, and of one that wants the token. */
let open: string;
let guarded: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-clients-'));
  const sha256 = createHash('sha256').update(token).digest('hex');
  await writeFile(
    join(folder, 'tokens.yaml'),
    JSON.stringify({ tokens: [{ name: 'ada', sha256, grants: [{ effect: 'destroy' }] }] }),
  );
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  shell = await Shell.open({ cwd: folder, env });
  const demo = `node '${serverProgram}' demo --port 0 --management-port 0`;
  open = await addressOf(await shell.start(demo));
  guarded = await addressOf(await shell.start(`${demo} --auth-tokens-file tokens.yaml`));
});
afterAll(async () => {
  await shell.close();
  await rm(folder, { recursive: true, force: true });
});

async function addressOf(job: Job): Promise<string> {
  for (;;) {
    const output = await job.output();
    const found = /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(output)?.[0];
    if (found !== undefined) return found;
    if (!(await job.isRunning())) throw new Error(`The server ended: ${output}`);
    await delay(50);
  }
}

describe('a line for a client', () => {
  it('is in the pages', () => {
    expect(lines.length).toBeGreaterThan(7);
  });

  it.each(lines)('leads to the tools: $page, line $line', async ({ text }) => {
    const line = text
      .replace('http://127.0.0.1:3000/mcp', open)
      .replace('ADDRESS', guarded)
      .replace('Bearer TOKEN', `Bearer ${token}`)
      .replace('/path/to/cnpg-mcp/', root);
    const entry = await serverOf(line, { TOKEN: token });
    const env = { PATH: dirname(process.execPath), KUBECONFIG: join(folder, 'none') };
    expect((await listTools(entry, env)).sort()).toEqual(all);
  });

  it('has the token where it is needed', async () => {
    await expect(listTools({ url: guarded })).rejects.toThrow('Sign in');
  });

  it('is refused when the client would not understand it', async () => {
    await expect(serverOf('{"mcpServers": {"cnpg": {"uri": "http://127.0.0.1/mcp"}}}')).rejects.toThrow();
    await expect(serverOf('claude mcp add --transports http cnpg http://127.0.0.1/mcp')).rejects.toThrow();
    await expect(serverOf('claude mcp add cnpg --header "a: $TOKEN" -- x')).rejects.toThrow('TOKEN');
  });
});
