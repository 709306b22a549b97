import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { asksUser, modernRequest, postModern } from '../../../test/modern-client.ts';
import { type SmallApp, startSmallApp } from '../../../test/small-app.ts';
import type { KubeGateway } from '../../kube/gateway.ts';
import { ConfirmationSealer } from '../../policy/confirmation.ts';
import { localPrincipal } from '../../policy/principal.ts';
import { changePlan } from '../../tools/change-plan.ts';
import { defineTool } from '../../tools/define-tool.ts';
import { createToolRegistry } from '../../tools/registry.ts';
import { defaultToolSettings } from '../../tools/settings.ts';
import { createProductSurface } from '../product-surface.ts';

let app: SmallApp;
/** Who the next request comes from. */
let principal = localPrincipal;
beforeEach(async () => {
  principal = localPrincipal;
  app = await startSmallApp({
    authenticator: { authenticate: async () => ({ accepted: true, principal }) },
  });
});
afterEach(() => app.app.main.close());

interface Result {
  resultType: string;
  isError?: boolean;
  content: { text: string }[];
  structuredContent: {
    state?: string;
    error?: { code: string; message: string };
    confirmation?: Confirmation;
  };
  inputRequests: Record<string, { method: string; params: Record<string, unknown> }>;
  requestState: string;
}
interface Confirmation {
  confirm_name: string;
  confirm_token: string;
}

async function drop(
  more: Record<string, unknown> = {},
  capabilities: Record<string, unknown> = asksUser,
  tool = 'drop',
): Promise<Result> {
  const params = { name: tool, arguments: { name: 'orders' }, ...more };
  const response = await postModern(app, modernRequest('tools/call', params, { capabilities }));
  expect(response.statusCode).toBe(200);
  return response.json().result;
}

const accept = (name: unknown) => ({ confirmation: { action: 'accept', content: { name } } });

describe('a client that can ask its user', () => {
  it('is given a form with what will be lost and one field for the name, and nothing happens', async () => {
    const result = await drop();
    expect(result.resultType).toBe('input_required');
    const { method, params } = result.inputRequests.confirmation ?? {};
    expect(method).toBe('elicitation/create');
    expect(params?.message).toContain('Everything in orders.');
    expect(params?.requestedSchema).toMatchObject({
      properties: { name: { type: 'string' } },
      required: ['name'],
    });
    expect(app.dropped).toEqual([]);
  });

  it('goes ahead with the name that the person typed', async () => {
    const { requestState } = await drop();
    const result = await drop({ inputResponses: accept('orders'), requestState });
    expect(result).toMatchObject({ resultType: 'complete', structuredContent: { state: 'done' } });
    expect(app.dropped).toEqual(['orders']);
  });

  it('may come back to another server that has the same surface: nothing is kept in between', async () => {
    const { requestState } = await drop();
    const elsewhere = await startSmallApp({ surface: app.surface });
    const again = modernRequest(
      'tools/call',
      { name: 'drop', arguments: { name: 'orders' }, inputResponses: accept('orders'), requestState },
      { capabilities: asksUser },
    );
    expect((await postModern(elsewhere, again)).json().result.structuredContent.state).toBe('done');
    expect(app.dropped).toEqual(['orders']);
    await elsewhere.app.main.close();
  });

  it.each([
    ['declines', { confirmation: { action: 'decline' } }],
    ['closes the question', { confirmation: { action: 'cancel' } }],
    ['answers nonsense', { confirmation: { action: 'maybe', content: { name: 'orders' } } }],
    ['does not answer', {}],
  ])('changes nothing when the person %s, and says so', async (_what, inputResponses) => {
    const { requestState } = await drop();
    const result = await drop({ inputResponses, requestState });
    expect(result.isError).toBe(true);
    expect(result.structuredContent.error?.code).toBe('confirmation_declined');
    expect(result.content[0]?.text).toContain('Nothing was changed.');
    expect(app.dropped).toEqual([]);
  });

  it.each([
    ['another name', 'order'],
    ['no name', undefined],
    ['a number', 5],
    ['the name in capitals', 'ORDERS'],
  ])('changes nothing when %s was typed', async (_what, name) => {
    const { requestState } = await drop();
    const result = await drop({ inputResponses: accept(name), requestState });
    expect(result.structuredContent.error?.code).toBe('confirmation_invalid');
    expect(app.dropped).toEqual([]);
  });
});

describe('sealed state', () => {
  const refused = async (more: Record<string, unknown>, tool?: string): Promise<string> => {
    const result = await drop({ inputResponses: accept('orders'), ...more }, asksUser, tool);
    expect(result.isError).toBe(true);
    expect(result.structuredContent.error?.code).toBe('confirmation_invalid');
    return result.structuredContent.error?.message ?? '';
  };

  it('that was changed is refused', async () => {
    const { requestState } = await drop();
    const [expiry = '', ...rest] = requestState.split('.');
    const later = (Number.parseInt(expiry, 36) + 1).toString(36);
    expect(await refused({ requestState: [later, ...rest].join('.') })).toContain('not made by this server');
    expect(app.dropped).toEqual([]);
  });

  it('that is missing or damaged is refused', async () => {
    expect(await refused({})).toContain('damaged');
    expect(await refused({ requestState: 'x' })).toContain('damaged');
    expect(app.dropped).toEqual([]);
  });

  it('is used up by the first answer, also by two at the same time', async () => {
    const { requestState } = await drop();
    const answer = { inputResponses: accept('orders'), requestState };
    const results = await Promise.all([drop(answer), drop(answer)]);
    expect(results.filter(({ isError }) => isError !== true)).toHaveLength(1);
    expect(await refused({ requestState })).toContain('used already');
    expect(app.dropped).toEqual(['orders']);
  });

  it('that somebody else was given is refused', async () => {
    const { requestState } = await drop();
    principal = { ...localPrincipal, id: 'somebody else' };
    expect(await refused({ requestState })).toContain('somebody else');
    expect(app.dropped).toEqual([]);
  });

  it('of another call is refused', async () => {
    const { requestState } = await drop({ arguments: { name: 'invoices' } });
    expect(await refused({ requestState })).toContain('another call');
    expect(app.dropped).toEqual([]);
  });
});

describe('sealed state, when the world has changed since the question', () => {
  let dependants: string[];
  let gone: string[];
  let other: SmallApp;

  /** Two tools that destroy the same thing, whose dependants the test can change. */
  const destroyer = (name: string) =>
    defineTool({
      name,
      title: name,
      description: 'Destroys a thing.',
      toolset: 'clusters',
      effect: 'destroy',
      confirmFlag: 'confirm',
      permissions: [],
      input: z.strictObject({ name: z.string() }),
      output: z.object({}),
      plan: async (_context, { name: thing }) =>
        changePlan({
          target: { kind: 'Thing', name: thing, object: { metadata: { name: thing, uid: 'uid' } } },
          summary: `Destroy ${thing}.`,
          losses: ['Everything.'],
          dependants: dependants.map((dependant) => ({ kind: 'Database', name: dependant, fate: 'deleted' })),
          facts: undefined,
        }),
      async observe(_context, _plan, { name: thing }) {
        gone.push(thing);
        return { state: 'done', message: 'It is gone.', result: {} };
      },
    });

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    dependants = ['app'];
    gone = [];
    const registry = createToolRegistry([destroyer('drop'), destroyer('purge')], {
      kube: { defaultNamespace: () => ({ name: 'default', source: 'built-in default' }) } as KubeGateway,
      settings: defaultToolSettings,
      policy: { readOnly: false, noDestroy: false },
      sealer: new ConfirmationSealer(),
      confirmation: 'token',
      audit: () => undefined,
    });
    other = await startSmallApp({ surface: createProductSurface(registry, '0.0.0-test') });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await other.app.main.close();
  });

  const call = async (name: string, more: Record<string, unknown> = {}): Promise<Result> => {
    const params = { name, arguments: { name: 'orders' }, ...more };
    const request = modernRequest('tools/call', params, { capabilities: asksUser });
    return (await postModern(other, request)).json().result;
  };

  it.each([
    ['ten minutes have passed', 'has expired', () => vi.setSystemTime(Date.now() + 600_001), 'drop'],
    ['more would be lost', 'is no longer what was shown', () => dependants.push('accounts'), 'drop'],
    ['another tool is called', 'belongs to another call', () => undefined, 'purge'],
  ])('is refused: %s', async (_what, words, change, tool) => {
    const { requestState } = await call('drop');
    change();
    const result = await call(tool, { inputResponses: accept('orders'), requestState });
    expect(result.structuredContent.error?.code).toBe('confirmation_invalid');
    expect(result.structuredContent.error?.message).toContain(words);
    expect(gone).toEqual([]);
  });

  it('is accepted when nothing has', async () => {
    const { requestState } = await call('drop');
    await call('drop', { inputResponses: accept('orders'), requestState });
    expect(gone).toEqual(['orders']);
  });
});

describe('a client that cannot ask its user', () => {
  it.each([
    ['declares nothing', {}],
    ['can only open pages', { elicitation: { url: {} } }],
  ])('and %s is told the plan and how to confirm with a second call', async (_what, capabilities) => {
    const first = await drop({}, capabilities);
    expect(first).toMatchObject({
      resultType: 'complete',
      structuredContent: { state: 'confirmation_required', confirmation: { confirm_name: 'orders' } },
    });
    expect(app.dropped).toEqual([]);
    const confirmation = first.structuredContent.confirmation as Confirmation;
    const { confirm_name, confirm_token } = confirmation;
    const args = { name: 'orders', confirm: true, confirm_name, confirm_token };
    expect((await drop({ arguments: args }, capabilities)).structuredContent.state).toBe('done');
    expect(app.dropped).toEqual(['orders']);
  });

  it('and a client that can: one is not asked because another one could be', async () => {
    const results = await Promise.all([drop(), drop({}, {}), drop({}, { elicitation: { form: {} } })]);
    expect(results.map(({ resultType }) => resultType)).toEqual([
      'input_required',
      'complete',
      'input_required',
    ]);
  });
});
