/** The gates of the pipeline, on small tools that are defined here, against the simulated cluster. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { KubeObject as SimulatedObject } from '../../../e2e/simulator/types.ts';
import { type Harness, startHarness } from '../../test/harness.ts';
import type { KubeObject } from '../kube/gateway.ts';
import { localPrincipal, type Principal } from '../policy/principal.ts';
import { requestAnnotation } from './apply.ts';
import { changePlan, type Operation } from './change-plan.ts';
import { defineReadTool, defineTool, type WriteTool } from './define-tool.ts';
import { namespace } from './inputs.ts';
import { permission } from './permission.ts';
import { createToolRegistry } from './registry.ts';

const name = z.string().max(50);

const secretObject = (secret: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: secret, namespace: 'default' },
  stringData: { username: 'app' },
});

const orders = {
  apiVersion: 'postgresql.cnpg.io/v1',
  kind: 'Cluster',
  metadata: { name: 'orders', namespace: 'default' },
  spec: { instances: 3, storage: { size: '1Gi' } },
};

const createSecret = (secret: string): Operation => ({
  verb: 'create',
  resource: 'secrets',
  key: { name: secret, namespace: 'default' },
  summary: `Create Secret ${secret}.`,
  object: secretObject(secret),
  generate: { key: 'password', length: 32 },
  undoable: true,
});

const scaleEdit = (cluster: KubeObject, instances: number): Operation => ({
  verb: 'edit',
  resource: 'clusters',
  key: { name: cluster.metadata.name, namespace: 'default' },
  uid: cluster.metadata.uid as string,
  summary: `Set ${instances} instances.`,
  intent: { instances },
  edit: (current) =>
    (current as { spec?: { instances?: number } }).spec?.instances === instances
      ? []
      : [{ op: 'replace', path: '/spec/instances', value: instances }],
});

/** Makes a Secret, then changes a cluster: two steps, the first of them undoable. */
const twoSteps = defineTool({
  name: 'two_steps',
  title: 'Two steps',
  description: 'Makes a Secret and scales a cluster.',
  toolset: 'clusters',
  effect: 'change',
  input: z.strictObject({ name, instances: z.int().min(1).max(10), namespace }),
  output: z.object({}),
  permissions: [
    permission('clusters', ['get', 'patch'], 'it is scaled'),
    permission('secrets', ['create', 'delete'], 'a Secret is made'),
  ],
  async plan(context, input) {
    const cluster = await context.kube.get('clusters', {
      name: input.name,
      namespace: context.namespace.name,
    });
    return changePlan({
      target: { kind: 'Cluster', name: input.name, object: cluster },
      summary: 'Do two steps.',
      facts: {},
      operations: [createSecret('two-steps'), scaleEdit(cluster, input.instances)],
    });
  },
});

/** Deletes a cluster. */
const removal = defineTool({
  name: 'remove_it',
  title: 'Remove it',
  description: 'Deletes a cluster.',
  toolset: 'clusters',
  effect: 'destroy',
  confirmFlag: 'confirm',
  clusterArgument: 'name',
  input: z.strictObject({ name, namespace }),
  output: z.object({}),
  permissions: [permission('clusters', ['get', 'delete'], 'it is deleted')],
  async plan(context, input) {
    const cluster = await context.kube.get('clusters', {
      name: input.name,
      namespace: context.namespace.name,
    });
    return changePlan({
      target: { kind: 'Cluster', name: input.name, object: cluster },
      summary: 'Delete it.',
      losses: ['Everything in it.'],
      facts: {},
      operations: [
        {
          verb: 'remove',
          resource: 'clusters',
          key: { name: input.name, namespace: context.namespace.name },
          uid: cluster.metadata.uid as string,
          summary: 'Delete the Cluster.',
        },
      ],
    });
  },
});

let harness: Harness;
const cluster = () =>
  harness.simulator.state.get('clusters', 'default', 'orders') as SimulatedObject & {
    spec: { instances: number };
  };
const secrets = () =>
  harness.simulator.state.list('secrets', 'default').map((object: KubeObject) => object.metadata.name);
const writes = () =>
  harness.simulator.requests.filter(
    ({ verb, dryRun, group }) =>
      ['create', 'patch', 'delete', 'update'].includes(verb) && !dryRun && !group.startsWith('auth'),
  );

beforeEach(async () => {
  harness = await startHarness({ operator: false });
  await harness.kube.create('clusters', orders);
  harness.simulator.clearRequests();
});
afterEach(() => harness.close());

const args = { name: 'orders', instances: 2 };

describe('a change', () => {
  it('is applied in order, and what it made carries the request that made it', async () => {
    const answer = await harness.call(twoSteps, args);
    expect(answer).toMatchObject({
      isError: false,
      structured: { state: 'done', steps: [{ status: 'done' }, { status: 'done' }] },
    });
    expect(cluster().spec.instances).toBe(2);
    const secret = harness.simulator.state.get('secrets', 'default', 'two-steps') as KubeObject & {
      data: Record<string, string>;
    };
    expect(secret.metadata.annotations?.[requestAnnotation]).toBe('test-1');
    const password = Buffer.from(secret.data.password as string, 'base64').toString();
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    expect(JSON.stringify([answer, harness.audits])).not.toContain(password);
  });

  it('is undone when a later step is refused, and says that nothing remains', async () => {
    harness.simulator.deny({ verb: 'patch', resource: 'clusters' });
    const answer = await harness.call(twoSteps, args);
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

  it('never overwrites or removes a Secret that was there before', async () => {
    harness.simulator.state.put({
      ...secretObject('two-steps'),
      stringData: undefined,
      data: { password: 'b3RoZXI=' },
    });
    const answer = await harness.call(twoSteps, args);
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'already_exists' } } });
    expect(answer.text).toContain('Nothing was changed');
    expect(harness.simulator.state.get('secrets', 'default', 'two-steps')).toMatchObject({
      data: { password: 'b3RoZXI=' },
    });
    expect(cluster().spec.instances).toBe(3);
  });

  it('is found to be done when the answer to its last step was lost', async () => {
    harness.simulator.faults.add({ match: { verb: 'patch', resource: 'clusters' }, times: 1, drop: true });
    const answer = await harness.call(twoSteps, args);
    expect(answer).toMatchObject({ isError: false, structured: { state: 'done' } });
    expect(cluster().spec.instances).toBe(2);
  });

  it('leaves nothing behind when it is cancelled while its first step is under way', async () => {
    const cancelled = new AbortController();
    harness.simulator.faults.add({ match: { verb: 'create', resource: 'secrets' }, times: 1, delayMs: 100 });
    const answer = harness.call(twoSteps, args, { signal: cancelled.signal });
    await vi.waitFor(() => expect(writes()).toHaveLength(1));
    cancelled.abort();
    expect((await answer).structured.error.code).toBe('cancelled');
    await vi.waitFor(() => expect(secrets()).not.toContain('two-steps'));
    expect(cluster().spec.instances).toBe(3);
  });

  it('keeps what a later step rests on when it is not known whether that step was done', async () => {
    const { faults } = harness.simulator;
    faults.add({ match: { verb: 'patch', resource: 'clusters' }, delayMs: 50, drop: true });
    const pending = harness.call(twoSteps, args);
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
        harness.simulator.state.put({
          ...current,
          metadata: { ...current.metadata, labels: { touched: String(conflicts) } },
        });
      }
    };
    const remove = harness.simulator.faults.add({
      match: { verb: 'patch', resource: 'clusters' },
      times: 2,
      delayMs: 20,
    });
    const timer = setInterval(put, 10);
    const answer = await harness.call(twoSteps, args);
    clearInterval(timer);
    remove();
    expect(answer.isError, answer.text).toBe(false);
    expect(cluster().spec.instances).toBe(2);
  });
});

describe('a dry run', () => {
  it('shows a diff, writes nothing, and shows no Secret value', async () => {
    const before = cluster().metadata.resourceVersion;
    const answer = await harness.call(twoSteps, { ...args, dry_run: true });
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
      (await harness.call(tool, { ...given, dry_run: true })).text.split('\n').at(-1);
    const way = 'To apply this, repeat the call without dry_run';
    expect(await lastLine(twoSteps, args)).toBe(`${way}.`);
    expect(await lastLine(removal, { name: 'orders' })).toBe(`${way}: a person is then asked to confirm.`);
    await harness.close();
    harness = await startHarness({ operator: false, confirmation: 'argument' });
    await harness.kube.create('clusters', orders);
    expect(await lastLine(removal, { name: 'orders' })).toBe(`${way} and with confirm: true.`);
    expect(await lastLine(removal, { name: 'orders', confirm: true })).toBe(`${way}.`);
  });

  it('says what the API server would refuse', async () => {
    harness.simulator.state.put(secretObject('two-steps'));
    const answer = await harness.call(twoSteps, { ...args, dry_run: true });
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'already_exists' } } });
  });
});

describe('a destruction', () => {
  it('shows the plan first and does it only with the confirmation', async () => {
    const first = await harness.call(removal, { name: 'orders' });
    expect(first).toMatchObject({
      isError: false,
      structured: { state: 'confirmation_required', losses: ['Everything in it.'] },
    });
    expect(writes()).toEqual([]);
    expect(await harness.confirmed(removal, { name: 'orders' })).toMatchObject({
      isError: false,
      structured: { state: 'done' },
    });
    expect(harness.simulator.state.get('clusters', 'default', 'orders')).toBeUndefined();
  });

  async function confirmation(): Promise<{ confirm_name: string; confirm_token: string }> {
    const first = await harness.call(removal, { name: 'orders' });
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
    const answer = await harness.call(removal, { name: 'orders', ...attempt(await confirmation()) });
    expect(answer.structured.state ?? answer.structured.error.code).toMatch(
      /confirmation_(invalid|required)/,
    );
    expect(cluster()).toBeDefined();
    expect(writes()).toEqual([]);
  });

  it('speaks of no token to somebody who was asked in a form', async () => {
    const { confirm_name, confirm_token } = await confirmation();
    const answered = (name: string, state: string) =>
      harness.call(removal, { name: 'orders' }, { answer: { action: 'accept', name, state } });
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
    const answer = await harness.call(
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
    harness.simulator.state.put({
      ...current,
      metadata: { ...current.metadata, labels: { tier: 'gold' } },
    });
    const changed = await harness.call(removal, { name: 'orders', confirm: true, ...given });
    expect(changed).toMatchObject({ isError: true, structured: { error: { code: 'confirmation_invalid' } } });
    const again = await confirmation();
    harness.simulator.state.put({ ...cluster(), status: { phase: 'Failing over' } });
    expect(await harness.call(removal, { name: 'orders', confirm: true, ...again })).toMatchObject({
      structured: { state: 'done' },
    });
  });

  it('cannot be replayed on the object that takes the place of the deleted one', async () => {
    const given = await confirmation();
    const attempt = () => harness.call(removal, { name: 'orders', confirm: true, ...given });
    expect(await attempt()).toMatchObject({ structured: { state: 'done' } });
    expect(await attempt()).toMatchObject({ structured: { error: { code: 'not_found' } } });
    await harness.kube.create('clusters', orders);
    expect(await attempt()).toMatchObject({ structured: { error: { code: 'confirmation_invalid' } } });
    expect(cluster()).toBeDefined();
  });

  it('goes ahead with the flag alone where the site wants that', async () => {
    await harness.close();
    harness = await startHarness({ operator: false, confirmation: 'argument' });
    await harness.kube.create('clusters', orders);
    expect(await harness.call(removal, { name: 'orders' })).toMatchObject({
      structured: { state: 'confirmation_required' },
    });
    expect(await harness.call(removal, { name: 'orders', confirm: true })).toMatchObject({
      structured: { state: 'done' },
    });
  });
});

describe('watching a change', () => {
  const watched = (state: 'done' | 'requested' | 'failed') =>
    defineTool({
      ...twoSteps,
      input: z.strictObject({ name, instances: z.int(), namespace }),
      output: z.object({}),
      async observe(context) {
        for (const message of ['1 of 3', '1 of 3', '2 of 3', '1 of 3']) context.progress(message);
        return { state, message: 'That is how it went.', result: {} };
      },
      text: () => 'This is how to connect.',
    });

  it.each([
    ['done', true],
    ['requested', true],
    ['failed', false],
  ] as const)('that is %s tells how to use it: %s', async (state, told) => {
    const answer = await harness.call(watched(state), args);
    expect(answer.structured).toMatchObject({ state, message: 'That is how it went.' });
    expect(answer.text.includes('how to connect')).toBe(told);
  });

  it('tells nothing twice in a row', async () => {
    const told: string[] = [];
    await harness.call(watched('done'), args, { progress: (message) => told.push(message) });
    expect(told.slice(-3)).toEqual(['1 of 3', '2 of 3', '1 of 3']);
    expect(told.filter((message, index) => message === told[index - 1])).toEqual([]);
  });
});

describe('policy', () => {
  it.each([
    ['read_only', { readOnly: true }],
    ['no_destroy', { noDestroy: true }],
    ['namespaces', { namespaces: ['other'] }],
    ['toolsets', { toolsets: ['roles'] }],
    ['protected_clusters', { protectedClusters: ['ord*'] }],
  ] as const)('%s: refused before anything is asked of the cluster, and audited', async (rule, policy) => {
    await harness.close();
    harness = await startHarness({ operator: false, policy });
    const answer = await harness.call(removal, { name: 'orders', namespace: 'default' });
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'policy_denied', rule } } });
    expect(answer.text).toContain(`Decided by the rule: ${rule}\n`);
    expect(harness.simulator.requests).toEqual([]);
    expect(harness.audits).toMatchObject([
      { tool: 'remove_it', decision: { allowed: false, rule }, outcome: 'policy_denied' },
    ]);
  });

  it('somebody with too little is told which scope is needed', async () => {
    const reader: Principal = {
      ...localPrincipal,
      obtainable: [{ effect: 'destroy', from: 'scope cnpg:destroy', scope: 'cnpg:destroy' }],
      grants: [{ effect: 'read', from: 'scope cnpg:read' }],
    };
    const answer = await harness.call(removal, { name: 'orders' }, { principal: reader });
    expect(answer.error).toMatchObject({
      code: 'insufficient_scope',
      details: { scopes_needed: ['cnpg:destroy'] },
    });
    expect(harness.simulator.requests).toEqual([]);
  });
});

describe('rights', () => {
  it('a tool that uses what it does not declare is a defect, and the use does not happen', async () => {
    const sneaky = defineReadTool({
      name: 'sneaky',
      title: 'Sneaky',
      description: 'Reads a Secret without saying so.',
      toolset: 'clusters',
      input: z.strictObject({ namespace }),
      output: z.object({}),
      permissions: [permission('clusters', ['get'], 'it says that it reads clusters')],
      async read(context) {
        await context.kube.get('secrets', { name: 'x', namespace: 'default' });
        return { output: {} };
      },
      text: () => '',
    });
    const answer = await harness.call(sneaky, {});
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'internal' } } });
    expect(harness.simulator.requests).toEqual([]);
  });

  it('an audit line is written for every call, with the outcome and without arguments', async () => {
    await harness.call(twoSteps, { ...args, dry_run: true });
    await harness.call(twoSteps, args);
    await harness.call(twoSteps, { ...args, instances: 99 });
    expect(harness.audits.map(({ outcome }) => outcome)).toEqual(['dry_run', 'done', 'invalid_arguments']);
    expect(harness.audits[1]).toMatchObject({
      requestId: 'test-2',
      principal: 'local',
      effect: 'change',
      namespace: 'default',
      object: 'orders',
      decision: { allowed: true, rule: 'local process' },
    });
    expect(harness.audits[1]?.durationSeconds).toBeGreaterThan(0);
  });

  it('an audit line is written for a tool that does not exist, too', () => {
    const registry = createToolRegistry([removal], harness.parts);
    const call = {
      tool: 'remove_all\u0000',
      arguments: {},
      principal: localPrincipal,
      requestId: 'r',
      signal: AbortSignal.timeout(1000),
      canAsk: false,
    };
    expect(() => registry.call(call)).toThrow('no tool of this name');
    expect(harness.audits).toMatchObject([
      { tool: 'remove_all', decision: { allowed: false, rule: 'unknown_tool' } },
    ]);
  });
});
