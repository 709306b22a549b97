/** The gate before a destruction: a person's confirmation, and nothing that only looks like one. */
import { describe, expect, it } from 'vitest';
import { orders, pipelineWorld, removal } from '../../test/two-tools.ts';
import { localPrincipal } from '../policy/principal.ts';

const world = pipelineWorld();
const { cluster, writes } = world;

describe('a destruction', () => {
  it('shows the plan first and does it only with the confirmation', async () => {
    const first = await world.harness.call(removal, { name: 'orders' });
    expect(first).toMatchObject({
      isError: false,
      structured: { state: 'confirmation_required', losses: ['Everything in it.'] },
    });
    expect(writes()).toEqual([]);
    expect(await world.harness.confirmed(removal, { name: 'orders' })).toMatchObject({
      isError: false,
      structured: { state: 'done' },
    });
    expect(world.harness.simulator.state.get('clusters', 'default', 'orders')).toBeUndefined();
  });

  async function confirmation(): Promise<{ confirm_name: string; confirm_token: string }> {
    const first = await world.harness.call(removal, { name: 'orders' });
    const { confirm_name, confirm_token } = first.structured.confirmation as {
      confirm_name: string;
      confirm_token: string;
    };
    return { confirm_name, confirm_token };
  }

  it.each<[string, (given: { confirm_name: string; confirm_token: string }) => Record<string, unknown>]>([
    ['another name', (given) => ({ ...given, confirm: true, confirm_name: 'other' })],
    ['no name', ({ confirm_token }) => ({ confirm_token, confirm: true })],
    ['the flag missing', (given) => given],
    ['a token that was made up', (given) => ({ ...given, confirm: true, confirm_token: 'x.y' })],
    [
      'a token that was altered',
      (given) => ({ ...given, confirm: true, confirm_token: `${given.confirm_token.slice(0, -2)}AA` }),
    ],
    ['the flag alone', () => ({ confirm: true })],
    ['flag and name alone', ({ confirm_name }) => ({ confirm: true, confirm_name })],
  ])('changes nothing with %s', async (_name, attempt) => {
    const answer = await world.harness.call(removal, { name: 'orders', ...attempt(await confirmation()) });
    expect(answer.structured.state ?? answer.structured.error.code).toMatch(
      /confirmation_(invalid|required)/,
    );
    expect(cluster()).toBeDefined();
    expect(writes()).toEqual([]);
  });

  it('takes the same token after a name that was mistyped, and says so', async () => {
    const given = { ...(await confirmation()), confirm: true };
    const mistyped = await world.harness.call(removal, { name: 'orders', ...given, confirm_name: 'oders' });
    expect(mistyped.error?.hint).toContain('the token was not used up');
    const answer = await world.harness.call(removal, { name: 'orders', ...given });
    expect(answer).toMatchObject({ isError: false, structured: { state: 'done' } });
  });

  it('speaks of no token to somebody who was asked in a form', async () => {
    const { confirm_name, confirm_token } = await confirmation();
    const answered = (name: string, state: string) =>
      world.harness.call(removal, { name: 'orders' }, { answer: { action: 'accept', name, state } });
    for (const refused of [await answered('other', confirm_token), await answered(confirm_name, 'x.y')]) {
      expect(refused.error).toMatchObject({
        code: 'confirmation_invalid',
        hint: 'Call again to be asked again.',
      });
    }
    expect(cluster()).toBeDefined();
  });

  it('changes nothing with the confirmation of another principal', async () => {
    const given = await confirmation();
    const mallory = { ...localPrincipal, id: 'mallory' };
    const answer = await world.harness.call(
      removal,
      { name: 'orders', confirm: true, ...given },
      { principal: mallory },
    );
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'confirmation_invalid' } } });
    expect(writes()).toEqual([]);
  });

  it('changes nothing when the object was changed in between, but does when only its status was', async () => {
    const given = await confirmation();
    const current = cluster();
    world.harness.simulator.state.put({
      ...current,
      metadata: { ...current.metadata, labels: { tier: 'gold' } },
    });
    const changed = await world.harness.call(removal, { name: 'orders', confirm: true, ...given });
    expect(changed).toMatchObject({ isError: true, structured: { error: { code: 'confirmation_invalid' } } });
    const again = await confirmation();
    world.harness.simulator.state.put({ ...cluster(), status: { phase: 'Failing over' } });
    expect(await world.harness.call(removal, { name: 'orders', confirm: true, ...again })).toMatchObject({
      structured: { state: 'done' },
    });
  });

  it('cannot be replayed on the object that takes the place of the deleted one', async () => {
    const given = await confirmation();
    const attempt = () => world.harness.call(removal, { name: 'orders', confirm: true, ...given });
    expect(await attempt()).toMatchObject({ structured: { state: 'done' } });
    expect(await attempt()).toMatchObject({ structured: { error: { code: 'not_found' } } });
    await world.harness.kube.create('clusters', orders);
    expect(await attempt()).toMatchObject({ structured: { error: { code: 'confirmation_invalid' } } });
    expect(cluster()).toBeDefined();
  });

  it('goes ahead with the flag alone where the site wants that', async () => {
    await world.restart({ confirmation: 'argument' });
    expect(await world.harness.call(removal, { name: 'orders' })).toMatchObject({
      structured: { state: 'confirmation_required' },
    });
    expect(await world.harness.call(removal, { name: 'orders', confirm: true })).toMatchObject({
      structured: { state: 'done' },
    });
  });
});
