/** Somebody who reads a page from top to bottom, makes the files that it shows, and types the commands. */
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Helm } from '../chart/helm.ts';
import { root } from '../scripts/paths.ts';
import type { TestCluster } from '../scripts/test-cluster.ts';
import { isForClient, listTools, serverOf } from './clients.ts';
import { exceptionFor, fillIn, type Place } from './exceptions.ts';
import { type FileName, fileOf } from './files.ts';
import type { Snippet } from './reader.ts';
import { type Job, Shell } from './shell.ts';

/** The longest that a command may take, and the longest until one that serves says where. */
const seconds = { command: 280, address: 60 };

/** Commands that print lines for clients, according to the README: for Claude Code, VS Code and files of JSON. */
const printsLines = /^make (demo|up)\b/;

/** Address of MCP in what a server writes, or kubectl, which says only where it listens. */
const address = /http:\/\/127\.0\.0\.1:\d+\/mcp|(?<=Forwarding from )127\.0\.0\.1:\d+/;

export class Visit {
  readonly #cluster: TestCluster;
  readonly #folder: string;
  readonly #shell: Shell;
  readonly #place: Place;
  readonly #made = new Set<FileName>();
  #job: Job | undefined;

  private constructor(cluster: TestCluster, folder: string, shell: Shell, place: Place) {
    this.#cluster = cluster;
    this.#folder = folder;
    this.#shell = shell;
    this.#place = { ...place };
  }

  /** Opens a terminal in a copy of the checkout. */
  static async begin(cluster: TestCluster, place: Place, helm: Helm): Promise<Visit> {
    const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-visit-'));
    // Everything is where a page says; what a command writes does not get into the checkout.
    for (const name of await readdir(root)) await symlink(join(root, name), join(folder, name));
    const bin = join(folder, 'bin');
    await mkdir(bin);
    const [helmProgram = '', ...helmWords] = helm.command;
    const programs: Record<string, string> = {
      'cnpg-mcp': `exec node '${root}server/dist/main.js'`,
      'cnpg-mcp-rbac': `exec node '${root}rbac-bootstrap/dist/main.js'`,
      // These find their files by the real path.
      make: `cd '${root}' && exec ${await found('make')} --no-print-directory`,
      pnpm: `cd '${root}' && exec ${await found('pnpm')}`,
      kubectl: `exec ${await found(cluster.kubectl)} --kubeconfig '${cluster.kubeconfig}'`,
      helm: `exec ${await found(helmProgram)} ${helmWords.join(' ')}`,
    };
    for (const [name, command] of Object.entries(programs)) {
      await writeFile(join(bin, name), `#!/bin/bash\n${command} "$@"\n`);
      await chmod(join(bin, name), 0o755);
    }
    const env: NodeJS.ProcessEnv = {
      ...inherited(),
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      KUBECONFIG: cluster.kubeconfig,
      PORT: '0',
      CNPG_MCP_MANAGEMENT_PORT: '0',
    };
    return new Visit(cluster, folder, await Shell.open({ cwd: folder, env }), place);
  }

  /** Does what the page says there. Throws with what the command wrote when it does not go as it should. */
  async follow(snippet: Snippet): Promise<void> {
    if (snippet.kind === 'block') await this.#make(fileOf(snippet), snippet.text);
    else await this.#type(snippet.text);
  }

  /** Makes a file; another of the same name is a variant, which must fit to the first. */
  async #make(name: FileName, text: string): Promise<void> {
    const isVariant = this.#made.has(name);
    this.#made.add(name);
    const file = isVariant ? `variant-${name}` : name;
    await writeFile(join(this.#folder, file), fillIn(text, this.#place));
    if (name !== 'values.yaml') return;
    const variant = isVariant ? ` --values ${file}` : '';
    await this.#run(`helm template cnpg-mcp chart/ --values values.yaml${variant}`, 0);
  }

  async #type(command: string): Promise<void> {
    const how = exceptionFor(command, this.#cluster.provider)?.how ?? { status: 0 };
    const real = fillIn(command, this.#place);
    if ('serves' in how) await this.#serve(real);
    else if ('instead' in how) await this.#run(fillIn(how.instead(command), this.#place), 0);
    else if ('status' in how) {
      await this.#run(real, how.status);
      // Helm is content before the pods are.
      if (/^helm (install|upgrade|rollback) /.test(real)) await this.#untilPodsAreReady();
    }
  }

  #untilPodsAreReady(): Promise<void> {
    return this.#run(`kubectl rollout status deployment --namespace ${this.#place.tools} --timeout=90s`, 0);
  }

  async #run(command: string, expected: number): Promise<void> {
    const { status, output } = await this.#shell.run(command, seconds.command);
    if (status !== expected)
      throw new Error(`${command}\nexit status ${status}, not ${expected}:\n${output}`);
    this.#place.tokenHash = /\b[0-9a-f]{64}\b/.exec(output)?.[0] ?? this.#place.tokenHash;
    await this.#paste(command, output);
  }

  /** Starts what goes on, and lists its tools as a client does. It runs until the next one, or until the page ends. */
  async #serve(command: string): Promise<void> {
    await this.#job?.stop();
    const job = await this.#shell.start(command);
    this.#job = job;
    const end = Date.now() + seconds.address * 1000;
    let found: string | undefined;
    while (found === undefined) {
      const output = await job.output();
      found = address.exec(output)?.[0];
      if (found === undefined && (Date.now() > end || !(await job.isRunning())))
        throw new Error(`${command}\nsays no address:\n${output}`);
      await delay(100);
    }
    const url = found.startsWith('http') ? found : `http://${found}/mcp`;
    const token = await this.#token();
    const tools = await listTools({ url, ...(token && { headers: { Authorization: `Bearer ${token}` } }) });
    if (tools.length === 0) throw new Error(`${command}\nserves no tools at ${url}.`);
    await this.#paste(command, await job.output());
  }

  /** Does with an output what its reader does: takes the token, and pastes each line for a client into that client. */
  async #paste(command: string, output: string): Promise<void> {
    const lines = output.split('\n').map((line) => line.trim());
    for (const line of lines.filter((candidate) => candidate.startsWith('TOKEN=$(')))
      await this.#run(line, 0);
    const token = await this.#token();
    const forClients = lines.filter(isForClient);
    const kinds = new Set(forClients.map((line) => line.split(/[ :]/, 1)[0]));
    if (printsLines.test(command) && kinds.size < 3)
      throw new Error(`${command}\nprints no lines for one of the clients:\n${output}`);
    for (const line of forClients) {
      const pasted = line.replace(/Bearer TOKEN\b/, `Bearer ${token}`);
      const tools = await listTools(await serverOf(pasted, { TOKEN: token }));
      if (tools.length === 0) throw new Error(`No tools are served where this leads: ${line}`);
    }
  }

  /** The token that the page has put into a variable; empty: none yet. */
  async #token(): Promise<string> {
    const { output } = await this.#shell.run('printf %s "$TOKEN"', 10);
    return output;
  }

  /** Ends what still runs, and closes the terminal. */
  async end(): Promise<void> {
    await this.#job?.stop();
    await this.#shell.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The environment of this process without what make and vitest put into it, which would change how commands behave. */
function inherited(): NodeJS.ProcessEnv {
  const ours = /^(MAKE|MFLAGS|VITEST|NODE_|npm_|TEST$|PROD$|DEV$|MODE$|CI$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

/** Path of a program, as a word for the shell: its name alone would be what stands in front of it here. */
async function found(program: string): Promise<string> {
  if (program.includes('/')) return `'${program}'`;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const names = await readdir(folder).catch((): string[] => []);
    if (names.includes(program)) return `'${join(folder, program)}'`;
  }
  throw new Error(`${program} is not on the PATH.`);
}
