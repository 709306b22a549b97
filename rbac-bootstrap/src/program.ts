/** From the command line to a command, and from what it threw to an exit status. */
import { closest } from '../../server/src/closest.ts';
import { ToolError } from '../../server/src/errors.ts';
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
import { type Invocation, parseCommandLine, valueFlags } from './flags.ts';

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
  const { kubeconfig: kubeconfigPath, context } = invocation;
  const api = new Api({ kubeconfigPath, context });
  try {
    return await command.run(invocation, api, output);
  } finally {
    await api.close();
  }
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

function describeFailure(thrown: unknown): { message: string; status: number } {
  if (thrown instanceof Failure) return { message: thrown.message, status: thrown.exitStatus };
  if (thrown instanceof ToolError) {
    const status = unreachable.has(thrown.code) ? exitStatus.unreachable : exitStatus.failed;
    return { message: `${thrown.message} ${thrown.hint}`, status };
  }
  throw thrown;
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

Flags, and the values of the chart that they stand for (--no-… switches off):
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

Exit status: 0 done, or nothing differs and nothing is missing; 1 a check failed, and nothing was written; 2 the command line is
wrong; 3 the cluster cannot be reached.
`;
}
