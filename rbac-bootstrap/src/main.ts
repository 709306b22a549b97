#!/usr/bin/env node
/** The program: real streams, real arguments. Everything else is in program.ts. */
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
});
