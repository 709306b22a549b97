/**
 * Every `tools/call` that arrives leaves one audit record. The pipeline writes it for whatever gets there; a message that is
 * refused before, by the rules of the protocol, gets its record here. Adapters call this wherever they turn a message away.
 */
import type { Caller, McpSurface } from './surface.ts';

/** Records a message that is refused, if it is a call of a tool. */
export function recordRefusedCall(
  { tools }: Pick<McpSurface, 'tools'>,
  message: Readonly<Record<string, unknown>>,
  caller: Omit<Caller, 'canAsk'>,
): void {
  if (isToolCall(message)) tools.refused?.(toolOf(message), caller);
}

/** True for a call of a tool, whatever else is wrong with the message. */
export function isToolCall({ method }: Readonly<Record<string, unknown>>): boolean {
  return method === 'tools/call';
}

/** The tool that a call names, if it names one. */
export function toolOf({ params }: Readonly<Record<string, unknown>>): string | undefined {
  const name = (params as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' ? name : undefined;
}
