#!/usr/bin/env node
/** The program: real streams, real arguments. Everything else is in program.ts. */
import { runProgram } from './program.ts';

// A reader that goes away (`| head`) is no error of this program.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
});
