/** The program on a terminal that remembers what was written. */
import type { Terminal } from '../src/commands/command.ts';
import { runProgram } from '../src/program.ts';

export interface ProgramRun {
  status: number;
  out: string;
  error: string;
  /** Questions that were put to the person. */
  questions: string[];
}

/** Runs a command line. `answer`: what the person types to every question; omitted: nobody is there. */
export async function runOnTerminal(
  args: readonly string[],
  { environment = {}, answer }: { environment?: NodeJS.ProcessEnv; answer?: string } = {},
): Promise<ProgramRun> {
  const run: ProgramRun = { status: -1, out: '', error: '', questions: [] };
  const terminal: Terminal = {
    environment,
    out: (text) => {
      run.out += text;
    },
    error: (text) => {
      run.error += text;
    },
    watched: false,
    ask:
      answer === undefined
        ? undefined
        : async (question) => {
            run.questions.push(question);
            return answer;
          },
  };
  run.status = await runProgram(args, terminal);
  return run;
}
