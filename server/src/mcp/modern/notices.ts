/** Notifications that a request sends before its answer: progress and log messages, each only when it was asked for. */
import type { RequestContext } from '../surface.ts';

type Notify = (json: string) => void;

const notification = (method: string, params: Record<string, unknown>): string =>
  JSON.stringify({ jsonrpc: '2.0', method, params });

/** Smallest step between two values, for news that does not come with a number. */
const smallestStep = 0.001;

/**
 * Reports progress under the client's token. The protocol wants every value greater than the one before, so news without a
 * greater number advance by a very small step; the same news twice is told once.
 */
export function progressTo(
  notify: Notify,
  progressToken: string | number,
): NonNullable<RequestContext['progress']> {
  let last: number | undefined;
  let lastNews: string | undefined;
  return (message, done, total) => {
    const news = JSON.stringify([message, done, total]);
    if (news === lastNews) return;
    lastNews = news;
    const least = last === undefined ? 0 : last + smallestStep;
    const progress = Math.max(done ?? least, least);
    last = progress;
    notify(
      notification('notifications/progress', {
        progressToken,
        progress,
        ...(total !== undefined && { total }),
        message,
      }),
    );
  };
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
