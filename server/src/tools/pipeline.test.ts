/** What surrounds a call: policy, rights, the audit line, and what is told while a change is watched. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { args, name, pipelineWorld, removal, twoSteps } from '../../test/two-tools.ts';
import { localPrincipal, type Principal } from '../policy/principal.ts';
import { defineReadTool, defineTool } from './define-tool.ts';
import { namespace } from './inputs.ts';
import { permission } from './permission.ts';
import { createToolRegistry } from './registry.ts';

const world = pipelineWorld();

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
    const answer = await world.harness.call(watched(state), args);
    expect(answer.structured).toMatchObject({ state, message: 'That is how it went.' });
    expect(answer.text.includes('how to connect')).toBe(told);
    // Every error has a code.
    expect(answer.structured.error?.code).toBe(answer.isError ? 'change_failed' : undefined);
  });

  it('tells nothing twice in a row', async () => {
    const told: string[] = [];
    await world.harness.call(watched('done'), args, { progress: (message) => told.push(message) });
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
    await world.restart({ policy });
    const answer = await world.harness.call(removal, { name: 'orders', namespace: 'default' });
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'policy_denied', rule } } });
    expect(answer.text).toContain(`Decided by the rule: ${rule}\n`);
    expect(world.harness.simulator.requests).toEqual([]);
    expect(world.harness.audits).toMatchObject([
      { tool: 'remove_it', decision: { allowed: false, rule }, outcome: 'policy_denied' },
    ]);
  });

  it('somebody with too little is told which scope is needed', async () => {
    const reader: Principal = {
      ...localPrincipal,
      obtainable: [{ effect: 'destroy', from: 'scope cnpg:destroy', scope: 'cnpg:destroy' }],
      grants: [{ effect: 'read', from: 'scope cnpg:read' }],
    };
    const answer = await world.harness.call(removal, { name: 'orders' }, { principal: reader });
    expect(answer.error).toMatchObject({
      code: 'insufficient_scope',
      details: { scopes_needed: ['cnpg:destroy'] },
    });
    expect(world.harness.simulator.requests).toEqual([]);
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
    const answer = await world.harness.call(sneaky, {});
    expect(answer).toMatchObject({ isError: true, structured: { error: { code: 'internal' } } });
    expect(world.harness.simulator.requests).toEqual([]);
  });

  it('an audit line is written for every call, with the outcome and without arguments', async () => {
    await world.harness.call(twoSteps, { ...args, dry_run: true });
    await world.harness.call(twoSteps, args);
    await world.harness.call(twoSteps, { ...args, instances: 99 });
    expect(world.harness.audits.map(({ outcome }) => outcome)).toEqual([
      'dry_run',
      'done',
      'invalid_arguments',
    ]);
    expect(world.harness.audits[1]).toMatchObject({
      requestId: 'test-2',
      principal: 'local',
      effect: 'change',
      namespace: 'default',
      object: 'orders',
      decision: { allowed: true, rule: 'local process' },
    });
    expect(world.harness.audits[1]?.durationSeconds).toBeGreaterThan(0);
  });

  it('an audit line is written for a tool that does not exist, too', () => {
    const registry = createToolRegistry([removal], world.harness.parts);
    const call = {
      tool: 'remove_all\u0000',
      arguments: {},
      principal: localPrincipal,
      requestId: 'r',
      signal: AbortSignal.timeout(1000),
      canAsk: false,
    };
    expect(() => registry.call(call)).toThrow('no tool of this name');
    expect(world.harness.audits).toMatchObject([
      { tool: 'remove_all', decision: { allowed: false, rule: 'unknown_tool' } },
    ]);
  });
});
