import { randomUUID } from 'node:crypto';
import { closest } from '../closest.ts';
import { compose } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import { kindOf, readText } from '../config/text-value.ts';
import { UsageError } from '../config/usage-error.ts';
import { localPrincipal } from '../policy/principal.ts';
import type { ConfirmationAnswer, ConfirmationQuestion, ToolCallResult } from '../tools/call.ts';
import type { Tool } from '../tools/define-tool.ts';
import type { ToolRegistry } from '../tools/registry.ts';
import type { Command, Terminal } from './command.ts';
import { abortOnSignals } from './signals.ts';

export const command: Command = {
  usage: 'call TOOL [key=value …] [--json] [settings]',
  description:
    'Calls one tool and prints its answer. Lists are written a,b,c or as JSON, objects as JSON. Before something is destroyed, the ' +
    'person at the terminal is asked to type its name.',
  options: { json: { switch: true, description: 'Print the structured answer as JSON.' } },
  sections: ['kubernetes', 'policy', 'confirmation', 'postgresql'],
  positionals: { min: 1, max: 200 },
  async run({ terminal, options, sources, positionals }) {
    const { config } = await loadConfig(sources);
    const [name = '', ...pairs] = positionals;
    const { registry, close } = await compose(config, { audit: () => undefined });
    const { signal, release } = abortOnSignals();
    try {
      const tool = registry.find(name);
      if (!tool) throw new UsageError(unknownTool(name, registry));
      const result = await callOnce(registry, {
        tool: name,
        arguments: readArguments(tool, pairs),
        signal,
        terminal,
      });
      terminal.out(
        options.has('json') ? `${JSON.stringify(result.structured ?? {}, null, 2)}\n` : `${result.text}\n`,
      );
      const keyless = config.confirmationKey === undefined && config.confirmationKeyFile === undefined;
      const confirmFlag = 'plan' in tool ? tool.confirmFlag : undefined;
      const byFlag = config.confirmation === 'argument' && confirmFlag !== undefined;
      if (waitsForConfirmation(result) && keyless)
        terminal.error(
          byFlag ? `With --confirmation=argument it is done with ${confirmFlag}=true.\n` : noKeyHint,
        );
      return exitStatus(result);
    } finally {
      release();
      await close();
    }
  },
};

type Answer = Extract<ToolCallResult, { kind: 'answer' }>;

const noKeyHint =
  'Every call from a shell is a process of its own, and none knows the tokens of another. Run this on a terminal to be ' +
  'asked, set confirmationKey to use the token, or --confirmation=argument in automation that nobody watches.\n';

async function callOnce(
  registry: ToolRegistry,
  request: { tool: string; arguments: Record<string, unknown>; signal: AbortSignal; terminal: Terminal },
): Promise<Answer> {
  const { terminal, ...call } = request;
  const { ask } = terminal;
  let answer: ConfirmationAnswer | undefined;
  for (;;) {
    const result = await registry.call({
      ...call,
      principal: localPrincipal,
      requestId: randomUUID(),
      canAsk: ask !== undefined && answer === undefined,
      progress: (message) => terminal.error(`… ${message}\n`),
      ...(answer && { answer }),
    });
    if (result.kind === 'answer') return result;
    answer = await askPerson(result.question, terminal);
  }
}

async function askPerson(question: ConfirmationQuestion, { ask }: Terminal): Promise<ConfirmationAnswer> {
  const typed = await ask?.(`${question.message}\n\nType ${JSON.stringify(question.name)} to go ahead: `);
  return typed
    ? { action: 'accept', name: typed, state: question.state }
    : { action: 'decline', state: question.state };
}

/** Arguments written as `key=value`, read as the tool's schema expects them. Whether they are right, the tool says. */
export function readArguments(tool: Tool, pairs: readonly string[]): Record<string, unknown> {
  const shape = tool.input.shape as Record<string, Parameters<typeof kindOf>[0]>;
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`${JSON.stringify(pair)} is not an argument: write key=value.`);
      const [key, text] = [pair.slice(0, at), pair.slice(at + 1)];
      const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
      return [key, schema ? readValue(key, text, kindOf(schema)) : text];
    }),
  );
}

function readValue(key: string, text: string, kind: ReturnType<typeof kindOf>): unknown {
  const isJson = kind === 'map' || (kind === 'list' && text.trimStart().startsWith('['));
  if (!isJson) return readText(text, kind);
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${key} is not JSON.`);
  }
}

function unknownTool(name: string, registry: ToolRegistry): string {
  const meant = closest(
    name,
    registry.list(localPrincipal).map((tool) => tool.name),
  );
  return `There is no tool ${name}${meant ? `; did you mean ${meant}?` : '. cnpg-mcp tools lists them.'}`;
}

function waitsForConfirmation({ structured }: Answer): boolean {
  return structured?.state === 'confirmation_required';
}

/** A change that still waits for a confirmation has not happened: a script must not take it for done. */
function exitStatus(answer: Answer): number {
  if (answer.error?.code === 'invalid_arguments') return UsageError.exitCode;
  return answer.isError || waitsForConfirmation(answer) ? 1 : 0;
}
