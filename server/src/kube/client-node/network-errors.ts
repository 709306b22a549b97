/** Turns what goes wrong below HTTP into a {@link ToolError}. */
import { ToolError } from '../../errors.ts';

/** Codes of OpenSSL and Node: a certificate that is not trusted, not valid now or not this server's, or no TLS at all. */
const tlsCodes =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|INVALID_CA|HOSTNAME_MISMATCH|ERR_OSSL_|ERR_SSL_)/;

/** Failures of a connection that had been working: the API server restarted, or an idle connection was cut. */
const brokenCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_BODY_TIMEOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** No connection was made: nobody listens, or something on the way, such as a network policy, drops or refuses it. */
const refusedCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The code of a failed connection: `ECONNREFUSED`, `CERT_HAS_EXPIRED`, `UND_ERR_SOCKET`. */
export function networkCode(thrown: unknown): string {
  const { code, cause, errors, name } = thrown as {
    code?: unknown;
    cause?: unknown;
    errors?: unknown;
    name?: unknown;
  };
  // Several addresses were tried: the first failure speaks for all.
  if (Array.isArray(errors) && errors.length > 0) return networkCode(errors[0]);
  if (typeof code === 'string') return code;
  if (typeof cause === 'object' && cause !== null) return networkCode(cause);
  return typeof name === 'string' ? name : 'unknown';
}

/** True when the connection was never made because its ends do not trust each other: nothing was sent. */
export function isTlsProblem(code: string): boolean {
  return tlsCodes.test(code);
}

export function isBrokenConnection(code: string): boolean {
  return brokenCodes.has(code);
}

/** `cluster_unreachable`, naming the host and the code. Without a cause, which may hold parts of the request. */
export function unreachable(origin: string, code: string): ToolError {
  const { host } = new URL(origin);
  const details = { host, cause: code };
  if (isTlsProblem(code)) {
    return new ToolError(
      'cluster_unreachable',
      `There is no trusted connection to the API server at ${host}: ${code}.`,
      {
        hint: 'Check certificate authority, client certificate and key in the kubeconfig, and the clock of this machine.',
        details,
      },
    );
  }
  return new ToolError('cluster_unreachable', `The API server at ${host} cannot be reached: ${code}.`, {
    ...(refusedCodes.has(code) && {
      hint: 'Check that the API server runs and that connections to it are allowed. With a network policy, networkPolicy.apiServer of the chart must name the addresses and ports of the API server itself, not those of its Service.',
    }),
    details,
  });
}
