/** From the command line to a command, and from what it threw to an exit status. */
import { closest } from '../../server/src/closest.ts';
import { type ErrorCode, errorCatalogue, ToolError } from '../../server/src/errors.ts';
import { Api } from './api.ts';
import { apply } from './commands/apply.ts';
import type { Command, Output } from './commands/command.ts';
import { diff } from './commands/diff.ts';
import { explain } from './commands/explain.ts';
import { generate } from './commands/generate.ts';
import { kubeconfig } from './commands/kubeconfig.ts';
import { revoke } from './commands/revoke.ts';
import { verify } from './commands/verify.ts';
import { exitStatus, Failure, usageFailure } from './exit-status.ts';
import { installation, valueFlags } from './flag-table.ts';
import { type Invocation, parseCommandLine } from './flags.ts';
import { version } from './version.ts';

const commands: Readonly<Record<string, Command>> = {
  generate,
  diff,
  apply,
  verify,
  kubeconfig,
  revoke,
  explain,
};

/** Runs a command line (without node and script) and returns the exit status. */
export async function runProgram(args: readonly string[], output: Output): Promise<number> {
  try {
    const invocation = parseCommandLine(args);
    if (invocation.help || invocation.command === 'help') {
      output.out(help());
      return exitStatus.ok;
    }
    if (invocation.version) {
      output.out(`cnpg-mcp-rbac ${version} (Node ${process.version})\n`);
      return exitStatus.ok;
    }
    return await run(invocation, output);
  } catch (thrown) {
    const { message, status } = describeFailure(thrown);
    output.error(`cnpg-mcp-rbac: ${message}\n`);
    return status;
  }
}

async function run(invocation: Invocation, output: Output): Promise<number> {
  const command = Object.hasOwn(commands, invocation.command) ? commands[invocation.command] : undefined;
  if (!command) {
    const meant = closest(invocation.command, Object.keys(commands));
    throw usageFailure(`Unknown command ${invocation.command}${meant ? `; did you mean ${meant}?` : '.'}`);
  }
  const surplus = invocation.rest[command.arguments ?? 0];
  if (surplus !== undefined) throw usageFailure(`Unexpected argument: ${surplus}`);
  refuseUnused(invocation, command);
  const { kubeconfig: kubeconfigPath, context } = invocation;
  const api = new Api({ kubeconfigPath, context });
  try {
    return await command.run(invocation, api, output);
  } finally {
    await api.close();
  }
}

/** A flag that changes nothing would be a promise that is not kept. */
function refuseUnused({ command: name, given }: Invocation, { flags }: Command): void {
  const values = installation.every((flag) => flags.includes(flag)) ? Object.keys(valueFlags) : [];
  const used: readonly string[] = [...flags, ...values, 'help', 'version'];
  const unused = [...new Set(given)].filter((flag) => !used.includes(flag)).map((flag) => `--${flag}`);
  if (unused.length > 0) throw usageFailure(`${name} does not use ${unused.join(', ')}.`);
}

/** Codes of errors after which nothing can be said about the cluster. */
const unreachable: ReadonlySet<string> = new Set([
  'cluster_unreachable',
  'cluster_not_configured',
  'cluster_error',
  'not_authenticated',
  'timeout',
  'too_many_requests',
]);

/** Text that came from elsewhere, without what would steer a terminal. */
const printable = (text: string): string => text.replace(/\p{C}/gu, ' ');

/** What to do where the server's own hint speaks of the server. */
const hints: Partial<Record<ErrorCode, string>> = {
  not_authenticated: 'Renew the credentials of the kubeconfig, or choose another --context.',
  cluster_unreachable: 'Check that the API server runs and can be reached from here, then call again.',
  cluster_not_configured: 'Set KUBECONFIG, or pass --kubeconfig and --context.',
};

function describeFailure(thrown: unknown): { message: string; status: number } {
  if (thrown instanceof Failure) return { message: thrown.message, status: thrown.exitStatus };
  if (thrown instanceof ToolError) {
    const { code, message, hint } = thrown;
    const status = unreachable.has(code) ? exitStatus.unreachable : exitStatus.failed;
    const ownHint = hint === errorCatalogue[code] ? (hints[code] ?? hint) : hint;
    const sentence =
      code === 'not_authenticated' ? 'The API server did not accept the credentials.' : message;
    const quoted = thrown.details?.quoted;
    const said = typeof quoted === 'string' ? `\nDetails: ${printable(quoted)}` : '';
    return { message: `${sentence} ${ownHint}${said}`, status };
  }
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return {
    message: `This is a defect of cnpg-mcp-rbac; please report it with the command line. ${what}`,
    status: exitStatus.failed,
  };
}

function help(): string {
  const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`);
  const flags = Object.entries(valueFlags).map(
    ([name, { value, kind }]) =>
      `  --${`${name}${{ text: ' VALUE', list: ' A,B,…', switch: '' }[kind]}`.padEnd(36)} ${value}`,
  );
  return `cnpg-mcp-rbac: the rights of cnpg-mcp in Kubernetes, without Helm

Usage: cnpg-mcp-rbac [COMMAND] [flags]

${list.join('\n')}

Flags, and the values of the chart that they stand for (--no-… switches off; a list may be given more than once, and \\, is a
comma inside an item):
${flags.join('\n')}

  --release NAME          name of the installation (cnpg-mcp)
  --namespace NAMESPACE   namespace of its service account (default)
  --from-values FILE      values of the chart, as for helm -f; flags come on top
  --kubeconfig FILE, --context NAME
  --dry-run[=client|server]
                          client (as if generate was asked for), or the API server checks and stores nothing
  --output FILE, --duration 1h, --overwrite
                          for kubeconfig
  --delete                the same as revoke
  --help, --version

Exit status: 0 done, or nothing differs and nothing is missing; 1 a check failed, and nothing was written, or revoke may have left
something; 2 the command line or a file of values is wrong; 3 the cluster cannot be reached.
`;
}
