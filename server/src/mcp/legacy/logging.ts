import type { LoggingLevel } from '@modelcontextprotocol/sdk/types.js';
import { JsonRpcError, jsonRpcCodes } from '../json-rpc.ts';
import type { Connection, Handler, Wire } from './call.ts';

const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Remembered for the life of the connection, which for a single POST is over with the answer. */
const setLevel: Handler = async ({ params, connection }) => {
  const { level } = params;
  if (typeof level !== 'string' || !levels.includes(level)) {
    throw new JsonRpcError(jsonRpcCodes.invalidParams, `"level" must be one of ${levels.join(', ')}.`);
  }
  connection.logLevel = level;
  return {};
};

/** Sends a log message along with the answer of a request, when the client wants this level. */
export function sendLog(connection: Connection, wire: Wire, level: LoggingLevel, data: unknown): void {
  if (levels.indexOf(level) < levels.indexOf(connection.logLevel)) return;
  wire.notify('notifications/message', { level, data });
}

export const loggingHandlers: Readonly<Record<string, Handler>> = { 'logging/setLevel': setLevel };
