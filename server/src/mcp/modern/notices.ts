/** Notifications that a request sends before its answer: progress and log messages, each only when it was asked for. */
import { Progress } from '../progress.ts';
import type { RequestContext } from '../surface.ts';

type Notify = (json: string) => void;

const notification = (method: string, params: Record<string, unknown>): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params });

/** Reports progress under the client's token; {@link Progress} decides how often and with which numbers. */
export function progressTo(notify: Notify, progressToken: string | number): Progress {
  return new Progress((note) => notify(notification('notifications/progress', { progressToken, ...note })));
}

/** Severities of RFC 5424, as MCP names them, least severe first. */
const severities = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Sends log messages that are at least as severe as the client wants them. */
export function logTo(notify: Notify, least: string): NonNullable<RequestContext['log']> {
  const threshold = severities.indexOf(least);
  return (level, data) => {
    if (severities.indexOf(level) >= threshold)
      notify(notification('notifications/message', { level, data }));
  };
}
