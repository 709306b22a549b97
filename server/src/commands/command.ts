/** What a command is. `main.ts` loads one; everything that it needs beyond its own options comes from the settings. */
import type { ConfigSources } from '../config/load.ts';
import type { Section } from '../config/setting.ts';

/** An option of a command that is not a setting. */
export interface CommandOption {
  /** `true`: takes no value. */
  switch?: boolean;
  description: string;
}

/** Where a command reads and writes. */
export interface Terminal {
  environment: NodeJS.ProcessEnv;
  /** Standard output: what was asked for, and nothing else. */
  out(text: string): void;
  /** Standard error: everything else. */
  error(text: string): void;
  /** Whether a person reads standard error; otherwise it is a log, and holds nothing but log lines. */
  watched: boolean;
  /** Puts a question to the person at the terminal; `undefined` where there is none. Resolves with the line typed. */
  ask: ((question: string) => Promise<string>) | undefined;
}

/** A command line, taken apart. */
export interface Invocation {
  /** Arguments that are not options. */
  positionals: readonly string[];
  /** The command's own options that were given. */
  options: ReadonlyMap<string, string | true>;
  /** For `loadConfig`. */
  sources: ConfigSources;
  terminal: Terminal;
}

export interface Command {
  /** After the program's name: `call TOOL [key=value …]`. */
  usage: string;
  /** One or two sentences. */
  description: string;
  options?: Readonly<Record<string, CommandOption>>;
  /** Groups of settings whose flags the command takes. */
  sections: readonly Section[];
  /** How many arguments it takes; default none. */
  positionals?: { min: number; max: number };
  /** Does the work and returns the exit status: 0 it went well, 1 it did not, 2 wrong usage. */
  run(invocation: Invocation): Promise<number>;
}
