/** What a call costs in each generation of the protocol, with a tool that costs nothing, beside a bare Fastify route. */
import { Pool } from 'undici';
import { callOf, type Revision, revisions } from '../suites/support/wire.ts';
import { type Route, requestsPerSecond } from './load.ts';
import { interleaved, median, type Row } from './measure.ts';
import { type Running, startHelper } from './processes.ts';

/** Short rounds and many of them: what else the machine does then meets all routes alike. */
const rounds = 15;
const roundSeconds = 1;
const singleCalls = 2_000;
/** What two measurements of the same program differ by in such rounds. */
const noise = 0.03;

/** A route that is measured, by the name that it has in here. */
type Routes = Record<string, Route>;

/** Calls per second and p50 of both generations, each against a bare route that answers as many bytes. All in turns. */
export async function generations(): Promise<Row[]> {
  const running: Running[] = [];
  try {
    const server = await startHelper('constant-tool.ts');
    running.push(server);
    const calls = Object.fromEntries(revisions.map((revision) => [revision, constantCall(server, revision)]));
    const bytes = await Promise.all(Object.values(calls).map(answerBytes));
    const bare = await startHelper('bare-server.ts', ...bytes.map(String));
    running.push(bare);
    const routes: Routes = { ...calls };
    for (const [index, revision] of revisions.entries()) {
      routes[bareOf(revision)] = { ...(calls[revision] as Route), url: `${bare.url}/${bytes[index]}` };
    }
    return rowsOf(await throughput(routes), await latency(routes));
  } finally {
    for (const program of running.reverse()) await program.stop();
  }
}

const bareOf = (revision: Revision): string => `bare ${revision}`;

function constantCall(server: Running, revision: Revision): Route {
  const { message, headers } = callOf(revision, 'constant', {});
  return { url: `${server.url}/mcp`, body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }), headers };
}

async function answerBytes({ url, body, headers }: Route): Promise<number> {
  const response = await fetch(url, { method: 'POST', body, headers: { ...headers, ...alwaysSent } });
  const text = await response.text();
  if (!text.includes('"structuredContent"')) throw new Error(`${url} answered ${response.status}: ${text}`);
  return Buffer.byteLength(text);
}

const alwaysSent = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Calls per second of every route in every round, so that a ratio can be taken within a round. */
async function throughput(routes: Routes): Promise<Record<string, number[]>> {
  const rates: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round += 1) {
    // What is measured later in a round must not always be the same.
    const names = round % 2 === 0 ? Object.keys(routes) : Object.keys(routes).reverse();
    for (const name of names) {
      const rate = await requestsPerSecond(routes[name] as Route, roundSeconds);
      // The first round warms up.
      if (round > 0) rates[name] = [...(rates[name] ?? []), rate];
    }
  }
  return rates;
}

/** Median milliseconds of a call on one connection that nobody else uses. */
async function latency(routes: Routes): Promise<Record<string, number>> {
  const pools: Pool[] = [];
  const works: Record<string, () => Promise<void>> = {};
  for (const [name, { url, body, headers }] of Object.entries(routes)) {
    const { origin, pathname } = new URL(url);
    const pool = new Pool(origin, { connections: 1, pipelining: 1 });
    pools.push(pool);
    const request = { method: 'POST', path: pathname, body, headers: { ...headers, ...alwaysSent } } as const;
    works[name] = async () => {
      const answer = await pool.request(request);
      await answer.body.dump();
    };
  }
  const result = await interleaved(singleCalls, works);
  await Promise.all(pools.map((pool) => pool.close()));
  return result;
}

function rowsOf(rates: Record<string, number[]>, p50: Record<string, number>): Row[] {
  const speed = (name: string): string =>
    `${median(rates[name] ?? []).toFixed(0)}/s, p50 ${(p50[name] as number).toFixed(2)} ms`;
  /** The median over the rounds of how many times as fast one was as the other. */
  const ratio = (name: string, other: string): number =>
    median((rates[name] ?? []).map((rate, round) => rate / (rates[other]?.[round] ?? Number.NaN)));
  const rows: Row[] = revisions.map((revision) => {
    const times = ratio(revision, bareOf(revision));
    return {
      what: `a call in ${revision}, constant tool`,
      measured: `${times.toFixed(2)} (${speed(revision)})`,
      against: `a bare Fastify route with the same payload (${speed(bareOf(revision))})`,
      budget: 'at least 0.5',
      met: times >= 0.5,
    };
  });
  const [older, newer] = revisions;
  const times = ratio(newer, older);
  rows.push({
    what: `${newer} beside ${older}, constant tool`,
    measured: times.toFixed(2),
    against: `calls/s of ${older}, in the same rounds`,
    budget: 'at least 1, less 3 % of noise',
    met: times >= 1 - noise,
  });
  return rows;
}
