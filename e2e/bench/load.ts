/** Load on one route: requests per second with a fixed number of connections. */
import autocannon from 'autocannon';

const connections = 16;

export interface Route {
  url: string;
  body: string;
  headers?: Record<string, string>;
}

/** Requests per second over `seconds`. Throws when an answer was not 200. */
export async function requestsPerSecond(route: Route, seconds: number): Promise<number> {
  const { requests, duration } = await load(route, { duration: seconds });
  return requests.total / duration;
}

/** Sends exactly `amount` requests. Throws when an answer was not 200. */
export async function send(route: Route, amount: number): Promise<void> {
  await load(route, { amount });
}

async function load({ url, body, headers = {} }: Route, extent: { duration: number } | { amount: number }) {
  const result = await autocannon({
    url,
    method: 'POST',
    connections,
    ...extent,
    body,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} bad answers, ${result.errors} errors`);
  return result;
}
