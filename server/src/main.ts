#!/usr/bin/env node
/** The program: real terminal, real arguments. Everything else is in program.ts. */
import { terminal } from './commands/terminal.ts';
import { runProgram } from './program.ts';

process.exitCode = await runProgram(process.argv.slice(2), terminal());
