/** From the command line to a command. Nothing heavy is imported before it is known which one. */
import { closest } from './closest.ts';
import type { Command, Terminal } from './commands/command.ts';

interface Entry {
  summary: string;
  load(): Promise<{ command: Command }>;
}

const commands: Readonly<Record<string, Entry>> = {
  stdio: {
    summary: 'Serve one MCP client on standard input and output',
    load: () => import('./commands/stdio.ts'),
  },
  serve: { summary: 'Serve MCP clients over HTTP', load: () => import('./commands/serve.ts') },
  call: { summary: 'Call one tool from a shell', load: () => import('./commands/call.ts') },
  tools: { summary: 'List the tools', load: () => import('./commands/tools.ts') },
  doctor: {
    summary: 'Say what works and what does not, and why',
    load: () => import('./commands/doctor.ts'),
  },
  demo: { summary: 'Serve a simulated cluster, to try things out', load: () => import('./commands/demo.ts') },
  config: { summary: 'Print the configuration that is in force', load: () => import('./commands/config.ts') },
  healthcheck: {
    summary: 'Ask the running server whether it is ready',
    load: () => import('./commands/healthcheck.ts'),
  },
  version: { summary: 'Print the version', load: () => import('./commands/version.ts') },
};

/** Runs a command line (without node and script) and returns the exit status. */
export async function runProgram(args: readonly string[], io: Terminal): Promise<number> {
  const [first, ...rest] = args;
  if (first === '--version') return runProgram(['version'], io);
  if (first === '--help' || first === '-h') return overview(io);
  if (first === 'help') return rest[0] === undefined ? overview(io) : runProgram([rest[0], '--help'], io);
  try {
    if (first === undefined || first.startsWith('-')) {
      const { command } = await import('./commands/by-transport.ts');
      return await run(command, args, io);
    }
    const entry = Object.hasOwn(commands, first) ? commands[first] : undefined;
    if (!entry) return unknownCommand(first, io);
    return await run((await entry.load()).command, rest, io);
  } catch (thrown) {
    const { describeFailure } = await import('./commands/failure.ts');
    const { message, exitStatus } = describeFailure(thrown);
    io.error(`cnpg-mcp: ${message}\n`);
    return exitStatus;
  }
}

async function run(command: Command, args: readonly string[], io: Terminal): Promise<number> {
  const { parseCommandLine } = await import('./commands/command-line.ts');
  const invocation = parseCommandLine(command, args, io);
  if (invocation !== 'help') return command.run(invocation);
  const { commandHelp } = await import('./commands/help.ts');
  io.out(commandHelp(command));
  return 0;
}

function overview(io: Terminal): number {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  io.out(`cnpg-mcp: PostgreSQL on CloudNativePG, for MCP clients

Usage: cnpg-mcp COMMAND [options]
       cnpg-mcp [--transport stdio|http] [--host HOST] [--port PORT]

${list.join('\n')}

cnpg-mcp COMMAND --help tells more. Without a command it serves --transport, which is stdio unless told otherwise.
`);
  return 0;
}

function unknownCommand(name: string, io: Terminal): number {
  const meant = closest(name, Object.keys(commands));
  io.error(
    `cnpg-mcp: unknown command ${name}${meant ? `; did you mean ${meant}?` : '. See cnpg-mcp --help.'}\n`,
  );
  return 2;
}
