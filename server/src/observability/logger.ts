/** The server's own log: JSON lines on stderr. Never headers, bodies or query strings; secrets are cut at the last moment too. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';

export type { Logger };

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  level?: LogLevel;
  /** Default: stderr, because stdout belongs to the protocol (stdio) or to the audit log (http). */
  stream?: DestinationStream;
}

/** Makes the logger that everything else is given. */
export function createLogger({ level = 'info', stream }: LoggerOptions = {}): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: '[redacted]' },
      serializers: { err: describeError, error: describeError, cause: describeError },
    },
    stream ?? destination({ fd: 2, sync: true }),
  );
}

/** A second line of defence: nothing is meant to log these. */
const secretKeys = ['authorization', 'cookie', 'password', 'token', 'secret', 'headers', 'body', 'data'];
const redacted = secretKeys.flatMap((key) => [key, `*.${key}`]);

const longestMessage = 500;
const deepestCause = 3;

/**
 * What is logged of an error: class, code, message and where it was thrown. Other fields are left out, and so is what a
 * Kubernetes client appends to its message after the first line (it quotes the response's body and headers).
 */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    message: (error.message.split(/\n(?:Body|Headers):/)[0] ?? '').slice(0, longestMessage),
    stack: frames.slice(0, 15).map((line) => line.trim()),
    ...(cause !== undefined && depth < deepestCause && { cause: describeError(cause, depth + 1) }),
  };
}
