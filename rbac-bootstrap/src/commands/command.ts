/** What a command of this program is. */
import type { Api } from '../api.ts';
import type { CallFlag } from '../flag-table.ts';
import type { Invocation } from '../flags.ts';

export interface Output {
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard error: everything else. */
  error(text: string): void;
}

export interface Command {
  summary: string;
  /** How many arguments it takes at most. */
  arguments?: number;
  /** Flags that it uses, besides --help; with those about the installation come all that stand for values. */
  flags: readonly CallFlag[];
  /** Does it and returns the exit status. `api` connects when it is first used. */
  run(invocation: Invocation, api: Api, output: Output): Promise<number>;
}

/** Indented lines. */
export function listOf(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join('');
}
