import { describe, expect, it } from 'vitest';
import { Turns } from './turns.ts';

describe('turns', () => {
  it('are taken one after the other for one key, in the order of asking, also after a failure', async () => {
    const turns = new Turns();
    const said: string[] = [];
    const work = (name: string, fails = false) =>
      turns.take('one', async () => {
        said.push(`${name} begins`);
        await new Promise(setImmediate);
        said.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      });
    const answers = await Promise.allSettled([work('a'), work('b', true), work('c')]);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(said).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('of another key, and those whose patience is at an end, do not wait', async () => {
    const turns = new Turns(1);
    const never = turns.take('one', () => new Promise<never>(() => undefined));
    expect(await turns.take('two', async () => 'at once')).toBe('at once');
    expect(await turns.take('one', async () => 'out of turn')).toBe('out of turn');
    expect(never).toBeInstanceOf(Promise);
  });
});
