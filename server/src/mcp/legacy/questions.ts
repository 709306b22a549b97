/** Questions to the user, asked in the middle of a call: possible only where the server can send requests of its own. */
import type { ClientCapabilities } from '@modelcontextprotocol/sdk/types.js';
import { ToolError } from '../../errors.ts';
import { confirmationLifetimeSeconds } from '../../policy/confirmation.ts';
import type { InputNeeded } from '../call-result.ts';
import type { Answers } from '../surface.ts';
import type { Connection, LegacyCall } from './call.ts';

/** True when a person can be asked to fill in a form. The SDK turns `elicitation: {}` into `{ form: {} }`. */
export function canAsk({ duplex }: Connection): boolean {
  return duplex?.capabilities()?.elicitation?.form !== undefined;
}

/**
 * Puts every question to the client, one after the other. A client that fails or lets the time pass counts as a closed
 * question: nothing is confirmed that nobody confirmed.
 */
export async function ask(
  { connection, wire, context }: LegacyCall,
  { requests, state }: InputNeeded,
): Promise<Answers> {
  const responses: Record<string, unknown> = {};
  for (const [key, request] of Object.entries(requests)) {
    if (!wire.ask || !understands(connection.duplex?.capabilities(), request)) {
      throw new ToolError('not_supported', `The client cannot answer ${request.method}.`, {
        hint: 'Use a client that can ask its user in the middle of a call.',
      });
    }
    try {
      const { method, params } = request;
      responses[key] = await wire.ask(method, params, confirmationLifetimeSeconds * 1000);
    } catch {
      if (context.signal.aborted) throw new ToolError('cancelled', 'The call was cancelled.');
      responses[key] = { action: 'cancel' };
    }
  }
  return { responses, ...(state !== undefined && { state }) };
}

function understands(
  capabilities: ClientCapabilities | undefined,
  { method, params }: { method: string; params: Record<string, unknown> },
): boolean {
  switch (method) {
    case 'elicitation/create':
      return capabilities?.elicitation?.[params.mode === 'url' ? 'url' : 'form'] !== undefined;
    case 'sampling/createMessage':
      return capabilities?.sampling !== undefined;
    case 'roots/list':
      return capabilities?.roots !== undefined;
    default:
      return false;
  }
}
