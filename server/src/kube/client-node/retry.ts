/** When and how long to wait before a request is repeated. */

/** Attempts in all, the first included. */
export const maxAttempts = 4;

const firstDelayMs = 100;
const longestDelayMs = 5000;

/** Statuses of an API server that is overloaded, starting or failing for a moment. */
export function isPassing(status: number): boolean {
  return status === 429 || status >= 500;
}

/**
 * Milliseconds before the attempt after `attempt` (0 is the first): exponential with jitter, so that clients that failed
 * together do not come back together. At least what the server asked for.
 */
export function retryDelayMs(attempt: number, retryAfterSeconds = 0): number {
  const backoff = Math.min(longestDelayMs, firstDelayMs * 2 ** attempt) * (0.5 + Math.random() / 2);
  return Math.max(backoff, retryAfterSeconds * 1000 * (1 + Math.random() / 10));
}

/** Seconds in a Retry-After header, which holds a number or a date (RFC 9110 section 10.2.3). */
export function retryAfterOf(
  headers: Record<string, string | string[] | undefined>,
  now: number = Date.now(),
): number | undefined {
  const value = [headers['retry-after']].flat()[0]?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}
