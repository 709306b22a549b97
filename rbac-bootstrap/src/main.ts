#!/usr/bin/env node
/** The program: real streams, real arguments. Everything else is in program.ts. */
import { outliveOutput } from '../../server/src/commands/standard-output.ts';
import { runProgram } from './program.ts';

outliveOutput('cnpg-mcp-rbac');
const status = await runProgram(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
});
process.exitCode ||= status;
