import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asksUser, modernRequest, postModern } from '../../test/modern-client.ts';
import { type SmallApp, startSmallApp, toolCall } from '../../test/small-app.ts';
import { localPrincipal } from '../policy/principal.ts';

let app: SmallApp;
beforeAll(async () => {
  app = await startSmallApp({
    limits: { inFlight: 5_000, signIn: { inFlight: 5_000, perSecond: 5_000, burst: 5_000 } },
    authenticator: {
      async authenticate({ headers }) {
        const id = String(headers.authorization);
        return { accepted: true, principal: { ...localPrincipal, id, displayName: id } };
      },
    },
  });
});
afterAll(() => app.app.main.close());

const callers = Array.from({ length: 20 }, (_, index) => `caller-${index}`);
const rounds = Array.from({ length: 25 }, (_, index) => index);

interface Result {
  structuredContent: { text?: string; state?: string; confirmation?: { confirm_name: string } };
  requestState: string;
  inputRequests?: { confirmation: { params: { message: string } } };
}

// Every caller uses the same ids, and every call of a round is under way at the same time.
const modern = async (caller: string, params: Record<string, unknown>, round: number): Promise<Result> => {
  const request = modernRequest('tools/call', params, { capabilities: asksUser, id: round });
  return (await postModern(app, request, { authorization: caller })).json().result;
};
const legacy = async (
  caller: string,
  name: string,
  args: Record<string, unknown>,
  round: number,
): Promise<Result> => {
  const request = { ...toolCall(name, args), id: round };
  return (await app.post(request, { authorization: caller })).json().result;
};

describe('2,000 interleaved calls of both generations by 20 callers', () => {
  it('get their own answers and their own questions', async () => {
    const wrong: string[] = [];
    const expectOwn = (caller: string, given: string | undefined, own: string): void => {
      if (given !== own) wrong.push(`${caller} got ${given} instead of ${own}`);
    };
    await Promise.all(
      rounds.flatMap((round) =>
        callers.flatMap((caller) => {
          const text = `${caller} round ${round}`;
          const name = `thing-of-${caller}-${round}`;
          return [
            legacy(caller, 'echo', { text }, round).then((result) =>
              expectOwn(caller, result.structuredContent.text, text),
            ),
            modern(caller, { name: 'echo', arguments: { text } }, round).then((result) =>
              expectOwn(caller, result.structuredContent.text, text),
            ),
            legacy(caller, 'drop', { name }, round).then((result) =>
              expectOwn(caller, result.structuredContent.confirmation?.confirm_name, name),
            ),
            modern(caller, { name: 'drop', arguments: { name } }, round).then(
              async ({ inputRequests, requestState }) => {
                const shown = inputRequests?.confirmation.params.message.includes(name)
                  ? name
                  : 'another thing';
                expectOwn(caller, shown, name);
                if (round > 0) return;
                const inputResponses = { confirmation: { action: 'accept', content: { name } } };
                const params = { name: 'drop', arguments: { name }, inputResponses, requestState };
                expectOwn(caller, (await modern(caller, params, round)).structuredContent.state, 'done');
              },
            ),
          ];
        }),
      ),
    );
    expect(wrong).toEqual([]);
    expect(app.dropped.sort()).toEqual(callers.map((caller) => `thing-of-${caller}-0`).sort());
  });

  it('are in the audit log under the names of those who called', () => {
    const calls = callers.map((caller) => app.audits.filter(({ principal }) => principal === caller).length);
    expect(calls).toEqual(callers.map(() => 4 * rounds.length + 1));
  });
});
