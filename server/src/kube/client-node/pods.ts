/** What is read from pods through the API server: logs, and the instance manager's two pages. */
import { ToolError } from '../../errors.ts';
import type { ObjectKey } from '../gateway.ts';
import type { Subject } from './api-errors.ts';
import type { Deadline } from './deadline.ts';
import { checkedName, type ProxyPage, pathOf, podProxyPath } from './paths.ts';
import type { Requester } from './requester.ts';

const defaultLogBytes = 64 * 1024;
/** The API server's own limit cuts off the newest lines, so it is set high and the cut is made here, from the front. */
const serverLogBytes = 4 * 2 ** 20;
const maxPageBytes = 8 * 2 ** 20;

export interface LogQuery {
  container: string;
  tailLines: number;
  limitBytes?: number;
  previous?: boolean;
}

/** The last lines of a container's log, whole lines only, at most `limitBytes` of UTF-8. */
export async function readPodLog(
  requester: Requester,
  subject: Subject,
  key: ObjectKey,
  query: LogQuery,
  deadline: Deadline,
): Promise<string> {
  const { container, tailLines, previous, limitBytes = defaultLogBytes } = query;
  const path = pathOf(
    { type: subject.type, ...key, subresource: 'log' },
    { container: checkedName('container', container), tailLines, limitBytes: serverLogBytes, previous },
  );
  const request = { subject, method: 'GET', path, idempotent: true, maxBytes: 2 * serverLogBytes } as const;
  const { text } = await requester.send(request, deadline);
  return lastBytes(text, limitBytes);
}

function lastBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const tail = bytes.subarray(bytes.length - limit);
  // What is before the first line break is a piece of a line; it is kept when there is nothing else.
  const wholeLines = tail.subarray(tail.indexOf('\n') + 1);
  if (wholeLines.length > 0) return wholeLines.toString('utf8');
  return tail.toString('utf8').replace(/^\uFFFD+/, '');
}

/** One page of the instance manager. Tries the other scheme when the pod says that this one is wrong. */
export async function readPodPage(
  requester: Requester,
  subject: Subject,
  key: ObjectKey,
  page: ProxyPage,
  deadline: Deadline,
): Promise<string> {
  const read = async (scheme: 'http' | 'https'): Promise<string> => {
    const path = podProxyPath(key.namespace ?? '', key.name, scheme, page);
    const request = { subject, method: 'GET', path, idempotent: true, maxBytes: maxPageBytes } as const;
    return (await requester.send(request, deadline)).text;
  };
  // The status page has TLS since operator 1.25; metrics have it when spec.monitoring.tls.enabled is set.
  const usual = page === 'pg/status' ? 'https' : 'http';
  try {
    return await read(usual);
  } catch (thrown) {
    if (!saysWrongScheme(thrown)) throw thrown;
    return read(usual === 'https' ? 'http' : 'https');
  }
}

function saysWrongScheme(thrown: unknown): boolean {
  const said = thrown instanceof ToolError ? String(thrown.details?.quoted ?? '') : '';
  return (
    said.includes('does not look like a TLS handshake') ||
    said.includes('HTTP response to HTTPS client') ||
    said.includes('HTTP request to an HTTPS server')
  );
}
