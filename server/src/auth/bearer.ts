/** The Authorization header, and what is answered when it is not good enough (RFC 6750, RFC 9728). */

/** What the header holds. `none`: no bearer token at all, which is not an error of the caller. */
export type BearerHeader =
  | { kind: 'token'; token: string }
  | { kind: 'none' }
  | { kind: 'malformed'; message: string };

/** Longest token that is looked at. Node's limit for all headers together is 16 KiB. */
const maxTokenLength = 12_288;

/** Reads the one Authorization header; `rawHeaders` alternates names and values and shows repetitions. */
export function readBearer(rawHeaders: readonly string[]): BearerHeader {
  const values = rawHeaders.filter(
    (_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
  const [value, ...more] = values;
  if (value === undefined) return { kind: 'none' };
  if (more.length > 0) return { kind: 'malformed', message: 'There is more than one Authorization header.' };
  // The scheme is case-insensitive (RFC 9110, 11.1).
  const match = /^bearer +(\S+) *$/i.exec(value);
  if (!match)
    return /^bearer\b/i.test(value)
      ? { kind: 'malformed', message: 'The Authorization header is malformed.' }
      : { kind: 'none' };
  const token = match[1] as string;
  // The alphabet of RFC 6750, 2.1.
  if (token.length > maxTokenLength || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    return { kind: 'malformed', message: 'The Authorization header does not hold a bearer token.' };
  }
  return { kind: 'token', token };
}

export interface Challenge {
  error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope';
  description?: string;
  scopes?: readonly string[];
  /** URL of the protected-resource metadata. */
  resourceMetadata?: string;
}

/** The value of `WWW-Authenticate`. Without credentials in the request there is no `error` (RFC 6750, 3.1). */
export function challengeHeader({ error, description, scopes, resourceMetadata }: Challenge): string {
  const parameters = {
    ...(error && { error }),
    ...(description && { error_description: description }),
    ...(scopes && scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resourceMetadata && { resource_metadata: resourceMetadata }),
  };
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${quotable(value)}"`);
  return list.length > 0 ? `Bearer ${list.join(', ')}` : 'Bearer';
}

/** What may stand in these parameters: printable ASCII without quotes and backslashes. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '?');
}
