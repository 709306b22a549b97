/** Ways of measuring that survive a noisy machine: medians, ratios within one run, everything interleaved. */
import { readFile } from 'node:fs/promises';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Milliseconds that one run of `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Runs several pieces of work in turn, A B C A B C …, and returns the median milliseconds of each. */
export async function interleaved<Name extends string>(
  rounds: number,
  works: Record<Name, () => Promise<unknown>>,
  warmUp = Math.ceil(rounds / 10),
): Promise<Record<Name, number>> {
  const names = Object.keys(works) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds + warmUp; round += 1) {
    for (const name of names) {
      const milliseconds = await timed(works[name]);
      if (round >= warmUp) times.get(name)?.push(milliseconds);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

/** Resident memory of a process, in MB (10^6 bytes), as the kernel counts it. */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return (kibibytes * 1024) / 1e6;
}

/** One row of the result: what was measured, against what, and whether it is within the budget. */
export interface Row {
  what: string;
  measured: string;
  against: string;
  budget: string;
  met: boolean;
}

/** A table that is aligned for a terminal and is Markdown at the same time. */
export function table(rows: readonly Row[]): string {
  const lines = [
    ['what', 'measured', 'against', 'budget', 'met'],
    ...rows.map((row) => [row.what, row.measured, row.against, row.budget, row.met ? 'yes' : '**no**']),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const draw = (line: string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head, ...body] = lines.map(draw);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [head, rule, ...body].join('\n');
}
