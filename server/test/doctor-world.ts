/** `cnpg-mcp doctor`, on a simulated Kubernetes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { type Simulator, startSimulator } from '../../e2e/simulator/index.ts';
import type { SimulatorOptions } from '../../e2e/simulator/types.ts';
import type { Check } from '../src/commands/doctor-check.ts';
import { type ProgramRun, runOnTerminal } from './terminal.ts';

export interface DoctorWorld {
  /** A file of this name, in a folder of the test that runs. */
  path(name: string): string;
  /** Starts Kubernetes and writes its kubeconfig; until then `doctor` finds none. Nobody acts on clusters. */
  start(options?: SimulatorOptions): Promise<Simulator>;
  /** Runs `doctor` with more arguments. */
  doctor(...args: string[]): Promise<ProgramRun>;
  /** Its exit status, and its checks by id, or by id and subject. */
  checks(...args: string[]): Promise<{ status: number; check(name: string): Check | undefined }>;
}

/** Gives each test of the file a folder, and ends what the test started. */
export function doctorWorld(): DoctorWorld {
  let simulator: Simulator | undefined;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-doctor-'));
  });
  afterEach(async () => {
    await simulator?.close();
    simulator = undefined;
    await rm(folder, { recursive: true });
  });

  const path = (name: string): string => join(folder, name);
  const doctor = (...args: string[]) =>
    runOnTerminal(['doctor', '--kubeconfig', path('kubeconfig'), ...args]);
  return {
    path,
    doctor,
    async start(options) {
      simulator = await startSimulator({ operator: false, ...options });
      await writeFile(path('kubeconfig'), simulator.kubeconfig);
      return simulator;
    },
    async checks(...args) {
      const { status, out } = await doctor('--output=json', ...args);
      const report = JSON.parse(out) as { ok: boolean; checks: Check[] };
      expect(report.ok).toBe(status === 0);
      const named = ({ id, subject }: Check): string => (subject === undefined ? id : `${id} ${subject}`);
      return { status, check: (name) => report.checks.find((check) => named(check) === name) };
    },
  };
}
