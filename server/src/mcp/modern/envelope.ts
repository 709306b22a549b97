/** What every modern request carries about itself in `params._meta`: capabilities, log level, progress, trace. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  LOG_LEVEL_META_KEY,
  TRACEPARENT_META_KEY,
} from '@modelcontextprotocol/server';

/** The request's own description, already checked against the schema when the request was admitted. */
export interface Envelope {
  capabilities: ClientCapabilities;
  /** Least severe log message that the client wants; absent: none. */
  logLevel?: string;
  progressToken?: string | number;
  /** W3C trace context; absent when the value is not a valid one. */
  traceparent?: string;
}

/** Reads the envelope of an admitted request. */
export function readEnvelope(params: Record<string, unknown>): Envelope {
  const meta = params._meta as Record<string, unknown>;
  const { progressToken } = meta;
  const logLevel = meta[LOG_LEVEL_META_KEY];
  const traceparent = validTraceparent(meta[TRACEPARENT_META_KEY]);
  return {
    capabilities: meta[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities,
    ...(typeof logLevel === 'string' && { logLevel }),
    ...((typeof progressToken === 'string' || typeof progressToken === 'number') && { progressToken }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/**
 * The value when it is a `traceparent` of W3C Trace Context (section 3.2), else `undefined`: it goes into logs, so nothing
 * else may pass for one.
 */
function validTraceparent(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(value);
  if (!parts || parts[1] === 'ff' || /^0+$/.test(parts[2] ?? '') || /^0+$/.test(parts[3] ?? ''))
    return undefined;
  return value;
}

/** True when the client can show a form to its user. `elicitation: {}` means forms, as before there were modes. */
export function canShowForms({ elicitation }: ClientCapabilities): boolean {
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

/** The capabilities that a client needs to answer this question and did not declare; `undefined`: it can answer. */
export function missingCapability(
  question: { method: string; params: Record<string, unknown> },
  capabilities: ClientCapabilities,
): Record<string, unknown> | undefined {
  switch (question.method) {
    case 'elicitation/create':
      if (question.params.mode === 'url') {
        return capabilities.elicitation?.url ? undefined : { elicitation: { url: {} } };
      }
      return canShowForms(capabilities) ? undefined : { elicitation: { form: {} } };
    case 'sampling/createMessage':
      return capabilities.sampling ? undefined : { sampling: {} };
    case 'roots/list':
      return capabilities.roots ? undefined : { roots: {} };
    default:
      throw new TypeError(`2026-07-28 has no question ${question.method}.`);
  }
}
