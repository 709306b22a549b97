/** A plan that is carried out, or only shown: what is written, undone and found again. */
import { describe, expect, it, vi } from 'vitest';
import { args, pipelineWorld, removal, secretObject, twoSteps } from '../../test/two-tools.ts';
import type { KubeObject } from '../kube/gateway.ts';
import { requestAnnotation } from './apply.ts';
import type { WriteTool } from './define-tool.ts';

const world = pipelineWorld();
const { cluster, secrets, writes } = world;

describe('a change', () => {
  it('is applied in order, and what it made carries the request that made it', async () => {
    const answer = await world.harness.call(twoSteps, args);
    expect(answer).toMatchObject({
      isError: false,
      structured: { state: 'done', steps: [{ status: 'done' }, { status: 'done' }] },
    });
    expect(cluster().spec.instances).toBe(2);
    const secret = world.harness.simulator.state.get('secrets', 'default', 'two-steps') as KubeObject & {
      data: Record<string, string>;
    };
    expect(secret.metadata.annotations?.[requestAnnotation]).toBe('test-1');
    const password = Buffer.from(secret.data.password as string, 'base64').toString();
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(JSON.stringify([answer, world.harness.audits])).not.toContain(password);
  });

  it('is undone when a later step is refused, and says that nothing remains', async () => {
    world.harness.simulator.deny({ verb: 'patch', resource: 'clusters' });
    const answer = await world.harness.call(twoSteps, args);
    expect(answer).toMatchObject({
      isError: true,
      structured: {
        error: { code: 'forbidden', missing_right: { verb: 'patch', resource: 'clusters' } },
        steps: [{ status: 'undone' }, { status: 'failed' }],
      },
    });
    expect(answer.text).toContain('nothing remains');
    expect(secrets()).not.toContain('two-steps');
  });

  it('is tried once, and no conflict, when a webhook of the site refuses it without details', async () => {
    const { simulator } = world.harness;
    const message = 'admission webhook "validate.kyverno.svc-fail" denied the request: not on Fridays';
    simulator.faults.add({ match: { verb: 'patch', resource: 'clusters' }, status: 400, message });
    const answer = await world.harness.call(twoSteps, args);
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'forbidden' } } });
    expect(answer.text).toContain('not on Fridays');
    expect(answer.text).toContain('nothing remains');
    expect(simulator.requests.filter(({ verb }) => verb === 'patch')).toHaveLength(1);
  });

  it('never overwrites or removes a Secret that was there before', async () => {
    world.harness.simulator.state.put({
      ...secretObject('two-steps'),
      stringData: undefined,
      data: { password: 'b3RoZXI=' },
    });
    const answer = await world.harness.call(twoSteps, args);
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'already_exists' } } });
    expect(answer.text).toContain('Nothing was changed');
    expect(world.harness.simulator.state.get('secrets', 'default', 'two-steps')).toMatchObject({
      data: { password: 'b3RoZXI=' },
    });
    expect(cluster().spec.instances).toBe(3);
  });

  it('is found to be done when the answer to its last step was lost', async () => {
    world.harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      times: 1,
      drop: true,
    });
    const answer = await world.harness.call(twoSteps, args);
    expect(answer).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(cluster().spec.instances).toBe(2);
  });

  it('leaves nothing behind when it is cancelled while its first step is under way', async () => {
    const cancelled = new AbortController();
    world.harness.simulator.faults.add({
      match: { verb: 'create', resource: 'secrets' },
      times: 1,
      delayMs: 100,
    });
    const answer = world.harness.call(twoSteps, args, { signal: cancelled.signal });
    await vi.waitFor(() => expect(writes()).toHaveLength(1));
    cancelled.abort();
    expect((await answer).structured.error.code).toBe('cancelled');
    await vi.waitFor(() => expect(secrets()).not.toContain('two-steps'));
    expect(cluster().spec.instances).toBe(3);
  });

  it('keeps what a later step rests on when it is not known whether that step was done', async () => {
    const { faults } = world.harness.simulator;
    faults.add({ match: { verb: 'patch', resource: 'clusters' }, delayMs: 50, drop: true });
    const pending = world.harness.call(twoSteps, args);
    await vi.waitFor(() => expect(secrets()).toContain('two-steps'));
    // After the lost answers nobody can look, either.
    faults.add({ match: { verb: 'get', resource: 'clusters' }, status: 503 });
    const answer = await pending;
    expect(answer.isError).toBe(true);
    expect(answer.structured.steps, answer.text).toMatchObject([{ status: 'done' }, { status: 'unknown' }]);
    expect(answer.text).toContain('not known');
    expect(secrets()).toContain('two-steps');
  });

  it('goes through although others change the object all the time', async () => {
    let conflicts = 2;
    const put = () => {
      if (conflicts > 0) {
        conflicts -= 1;
        const current = cluster();
        world.harness.simulator.state.put({
          ...current,
          metadata: { ...current.metadata, labels: { touched: String(conflicts) } },
        });
      }
    };
    const remove = world.harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      times: 2,
      delayMs: 20,
    });
    const timer = setInterval(put, 10);
    const answer = await world.harness.call(twoSteps, args);
    clearInterval(timer);
    remove();
    expect(answer.isError, answer.text).toBe(false);
    expect(cluster().spec.instances).toBe(2);
  });
});

describe('the audit record says that something was changed', () => {
  it.each<[string, boolean, (simulator: typeof world.harness.simulator) => void]>([
    ['everything was done', true, () => undefined],
    [
      'the first step was refused',
      false,
      (simulator) => simulator.deny({ verb: 'create', resource: 'secrets' }),
    ],
    [
      'what was written was undone',
      true,
      (simulator) => simulator.deny({ verb: 'patch', resource: 'clusters' }),
    ],
    [
      'it is not known what became of a step',
      true,
      ({ faults }) => {
        faults.add({ match: { verb: 'create', resource: 'secrets' }, drop: true });
        faults.add({ match: { verb: 'get', resource: 'secrets' }, status: 503 });
      },
    ],
  ])('when %s: %s', async (_what, changed, prepare) => {
    prepare(world.harness.simulator);
    await world.harness.call(twoSteps, args);
    expect(world.harness.audits).toMatchObject([{ tool: 'two_steps', changed }]);
  });
});

describe('a dry run', () => {
  it('shows a diff, writes nothing, and shows no Secret value', async () => {
    const before = cluster().metadata.resourceVersion;
    const answer = await world.harness.call(twoSteps, { ...args, dry_run: true });
    expect(answer).toMatchObject({
      isError: false,
      structured: { state: 'dry_run', steps: [{ status: 'checked' }, { status: 'checked' }] },
    });
    expect(answer.text).toContain('-  instances: 3');
    expect(answer.text).toContain('+  instances: 2');
    expect(answer.text).toContain('password: (not shown)');
    expect(cluster().metadata.resourceVersion).toBe(before);
    expect(secrets()).not.toContain('two-steps');
    expect(writes()).toEqual([]);
  });

  it('ends with how the change is made for good, and whether a person is asked', async () => {
    const lastLine = async (tool: WriteTool, given: object): Promise<string | undefined> =>
      (await world.harness.call(tool, { ...given, dry_run: true })).text.split('\n').at(-1);
    const way = 'To apply this, repeat the call without dry_run';
    expect(await lastLine(twoSteps, args)).toBe(`${way}.`);
    expect(await lastLine(removal, { name: 'orders' })).toBe(`${way}: a person is then asked to confirm.`);
    await world.restart({ confirmation: 'argument' });
    expect(await lastLine(removal, { name: 'orders' })).toBe(`${way} and with confirm: true.`);
    expect(await lastLine(removal, { name: 'orders', confirm: true })).toBe(`${way}.`);
  });

  it('is repeated like the change itself when the operator writes a status in between', async () => {
    const { kube, simulator } = world.harness;
    const patch = kube.patch.bind(kube);
    let inBetween = 2;
    vi.spyOn(kube, 'patch').mockImplementation((...request) => {
      if (inBetween > 0) {
        inBetween -= 1;
        simulator.state.put({ ...cluster(), status: { phase: `${inBetween} to go` } });
      }
      return patch(...request);
    });
    const answer = await world.harness.call(twoSteps, { ...args, dry_run: true });
    expect(answer).toMatchObject({ isError: false, structured: { state: 'dry_run' } });
    expect(answer.text).toContain('+  instances: 2');
    expect(inBetween).toBe(0);
    expect(writes()).toEqual([]);
  });

  it('says what the API server would refuse', async () => {
    world.harness.simulator.state.put(secretObject('two-steps'));
    const answer = await world.harness.call(twoSteps, { ...args, dry_run: true });
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'already_exists' } } });
  });
});
