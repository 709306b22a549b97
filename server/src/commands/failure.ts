/** What a command that failed says, and how it ends. */
import { UsageError } from '../config/usage-error.ts';
import { ToolError } from '../errors.ts';

/** A sentence and the exit status for anything thrown by a command. */
export function describeFailure(thrown: unknown): { message: string; exitStatus: number } {
  if (thrown instanceof UsageError) return { message: thrown.message, exitStatus: UsageError.exitCode };
  if (thrown instanceof ToolError) return { message: `${thrown.message} ${thrown.hint}`, exitStatus: 1 };
  const { code, address, port } = thrown as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE') {
    const message = `Another program listens on ${address}:${port} already. Stop it, or choose another --port or --management-port.`;
    return { message, exitStatus: 1 };
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return { message: `Cannot listen on ${address}:${port} (${code}).`, exitStatus: 1 };
  }
  return {
    message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    exitStatus: 1,
  };
}
