#!/usr/bin/env node
/** The program: real terminal, real arguments. Everything else is in program.ts. */
import { terminal } from './commands/terminal.ts';
import { runProgram } from './program.ts';

const oldestNode = 24;

if (Number.parseInt(process.versions.node, 10) >= oldestNode) {
  const status = await runProgram(process.argv.slice(2), terminal());
  process.exitCode ||= status;
} else {
  process.stderr.write(`cnpg-mcp needs Node ${oldestNode} or later; this is ${process.version}.\n`);
  process.exitCode = 1;
}
