/** What sign-in costs: the same call with a token that is known, and to a server that asks nobody for one. */
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { startFakeIdp } from '../../server/test/fake-idp.ts';
import { interleaved, type Row } from './measure.ts';
import { startServer } from './processes.ts';

const audience = 'https://mcp.example.com/mcp';
const budgetMilliseconds = 0.2;
/** No caller may be held back here: the calls come as fast as they are answered. */
const unlimited = {
  CNPG_MCP_LIMITS_PRINCIPAL_PER_SECOND: '100000',
  CNPG_MCP_LIMITS_PRINCIPAL_BURST: '1000000',
};

/** Measures `ping`, which does nothing: whatever it takes longer is sign-in. */
export async function authenticationCost(kubeconfig: string): Promise<Row> {
  const idp = await startFakeIdp(audience);
  const signedIn = await startServer(kubeconfig, {
    OIDC_ISSUER: idp.issuer,
    OIDC_AUDIENCE: audience,
    ...unlimited,
  });
  const open = await startServer(kubeconfig);
  const authorization = `Bearer ${await idp.token()}`;
  const callOf = (pool: Pool, headers: Record<string, string>) => async (): Promise<void> => {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: '/mcp',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode}: ${text}`);
  };
  const pools = [signedIn, open].map(({ url }) => new Pool(url, { connections: 1, pipelining: 1 }));
  const [withToken, without] = pools as [Pool, Pool];
  try {
    const known = callOf(withToken, { authorization });
    // The first call verifies the token, as soon as the provider is found.
    await until(known);
    const measured = await interleaved(3_000, { known, open: callOf(without, {}) });
    const added = measured.known - measured.open;
    return {
      what: 'sign-in with a known token adds to a call, p50',
      measured: `${added.toFixed(3)} ms (${measured.known.toFixed(3)} ms)`,
      against: `the same call without sign-in (${measured.open.toFixed(3)} ms)`,
      budget: `at most ${budgetMilliseconds} ms`,
      met: added <= budgetMilliseconds,
    };
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
    await signedIn.stop();
    await open.stop();
    await idp.close();
  }
}

async function until(work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (Date.now() > deadline) throw thrown;
      await delay(100);
    }
  }
}
