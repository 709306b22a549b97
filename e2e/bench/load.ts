/** Load on one route: requests per second with a fixed number of connections. */
import autocannon from 'autocannon';

const connections = 16;

export interface Route {
  url: string;
  body: string;
  headers?: Record<string, string>;
}

/** Requests per second over `seconds`. Throws when an answer was not 200. */
export async function requestsPerSecond(
  { url, body, headers = {} }: Route,
  seconds: number,
): Promise<number> {
  const result = await autocannon({
    url,
    method: 'POST',
    connections,
    duration: seconds,
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`);
  return result.requests.total / result.duration;
}

/** Sends exactly `amount` requests. */
export async function send({ url, body, headers = {} }: Route, amount: number): Promise<void> {
  const result = await autocannon({
    url,
    method: 'POST',
    connections,
    amount,
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`);
}
