/**
 * Enforces the NetworkPolicies of some namespaces on the node of the local provider, which has nothing that does.
 *
 *   node e2e/network-policy/enforcer.ts KUBECTL KUBECONFIG NAMESPACE...
 *
 * To be forked. It answers every message with `ready` once the rules say what the cluster says then. When its parent is gone, or at
 * a signal, it takes its rules away and ends: pods get the addresses of earlier ones, so a rule must not outlive its test.
 */
import { execFile, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { promisify } from 'node:util';
import { localClusterProgram } from '../scripts/paths.ts';
import { cniResults, readAddresses, withAddresses } from './addresses.ts';
import { coalesced } from './coalesced.ts';
import { chains, firstChain, noChains } from './iptables.ts';
import { isolations, type NetworkPolicy, type World } from './isolation.ts';

const execFileAsync = promisify(execFile);
const [kubectl = '', kubeconfig = '', ...enforced] = process.argv.slice(2);
const everywhere = (...args: string[]): string[] => ['--kubeconfig', kubeconfig, 'get', '-A', ...args];

const cniFolder = (await execFileAsync(localClusterProgram, ['node-path', cniResults])).stdout.trim();

/** Of this process alone, so that several can run. */
const prefixOf = (pid: number): string => `NETPOL-${pid}`;
const prefix = prefixOf(process.pid);

/** Runs a program on the node; returns what it printed. */
async function onNode(program: string, args: readonly string[], input = ''): Promise<string> {
  const running = execFileAsync(localClusterProgram, ['node', program, ...args]);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

const restore = (input: string): Promise<string> =>
  onNode('iptables-restore', ['--wait', '--noflush'], input);

let world: World = { policies: [], pods: [], namespaces: [] };
/** How many isolations the rules say. */
let count = 0;

/** Makes the rules say what the world is like. */
const write = coalesced(async () => {
  const pods = withAddresses(world.pods, await readAddresses(cniFolder));
  const isolated = isolations({ ...world, pods });
  await restore(chains(prefix, isolated, count));
  count = isolated.length;
});

/** Asks the cluster what the world is like, and enforces that. */
const enforce = coalesced(async () => {
  const list = everywhere('networkpolicies,pods,namespaces', '-o', 'json');
  const { stdout } = await execFileAsync(kubectl, list, { maxBuffer: 64 * 1024 * 1024 });
  const { items } = JSON.parse(stdout) as { items: { kind: string }[] };
  const of = <T>(kind: string): T[] => items.filter((item) => item.kind === kind) as unknown as T[];
  world = {
    policies: of<NetworkPolicy>('NetworkPolicy').filter(({ metadata }) =>
      enforced.includes(metadata.namespace),
    ),
    pods: of('Pod'),
    namespaces: of('Namespace'),
  };
  await write();
});

/** Takes away what processes left behind that were killed. */
async function removeStale(): Promise<void> {
  const listing = await onNode('iptables', ['--wait', '-S']);
  const left = [...listing.matchAll(/^-N NETPOL-(\d+)(-\d+)?$/gm)];
  for (const pid of new Set(left.map(([, owner]) => Number(owner)))) {
    if (isAlive(pid)) continue;
    const isolated = left.filter(([, owner, index]) => Number(owner) === pid && index !== undefined);
    await restore(noChains(prefixOf(pid), isolated.length));
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const watches: { close(): void }[] = [];
let ending = false;

/** Takes the rules away and ends. Called by whatever happens first. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  for (const watch of watches) watch.close();
  // What was begun before; nothing begins any more.
  await enforce().catch(() => undefined);
  await restore(noChains(prefix, count));
  process.exit(code);
}

function fail(thrown: unknown): void {
  if (ending) return;
  console.error(`NetworkPolicies are no longer enforced: ${(thrown as Error).message}`);
  void end(1);
}

function on(work: () => Promise<void>): () => void {
  return () => {
    if (!ending) work().catch(fail);
  };
}

function watchKind(kind: string): void {
  const child = spawn(kubectl, everywhere(kind, '--watch-only', '-o', 'name'), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', on(enforce));
  child.on('error', fail);
  child.on('exit', () => fail(new Error(`the watch of ${kind} has ended.`)));
  watches.push({ close: () => child.kill() });
}

await removeStale();
await restore(firstChain(prefix));
process.on('disconnect', () => void end(0));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end(0));
process.on('message', () => {
  enforce().then(() => process.send?.('ready'), fail);
});
for (const kind of ['networkpolicies', 'pods', 'namespaces']) watchKind(kind);
watches.push(watch(cniFolder, on(write)));
