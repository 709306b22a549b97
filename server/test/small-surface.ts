/** A few tools on the real registry and pipeline, for tests of what is around them. No tool here needs a cluster. */
import { z } from 'zod';
import { ToolError } from '../src/errors.ts';
import type { KubeGateway } from '../src/kube/gateway.ts';
import { createProductSurface } from '../src/mcp/product-surface.ts';
import type { McpSurface } from '../src/mcp/surface.ts';
import { ConfirmationSealer } from '../src/policy/confirmation.ts';
import { changePlan } from '../src/tools/change-plan.ts';
import { defineReadTool, defineTool, type Tool, type ToolContext } from '../src/tools/define-tool.ts';
import type { AuditRecord, PipelineParts } from '../src/tools/pipeline.ts';
import { createToolRegistry } from '../src/tools/registry.ts';
import { defaultToolSettings } from '../src/tools/settings.ts';

export interface SmallSurface {
  surface: McpSurface;
  audits: AuditRecord[];
  /** Names of the things that were dropped. */
  dropped: string[];
  /** Contexts of the `hold` calls under way; each ends when its `release` is called or its signal fires. */
  held: { context: ToolContext; release(): void }[];
  /** Resolves when that many `hold` calls are under way. */
  holding(count: number): Promise<void>;
  toolNames: string[];
}

export function createSmallSurface(): SmallSurface {
  const audits: AuditRecord[] = [];
  const dropped: string[] = [];
  const held: SmallSurface['held'] = [];
  const waiting: { count: number; resolve(): void }[] = [];

  const echo = defineReadTool({
    name: 'echo',
    title: 'Echo',
    description: 'Gives back what it is given, with more than it promises.',
    toolset: 'clusters',
    permissions: [],
    input: z.strictObject({ text: z.string().max(200) }),
    output: z.object({ text: z.string(), inner: z.object({ length: z.number() }) }),
    async read(_context, { text }) {
      const inner = { length: text.length, managedFields: 'from the API server' };
      return { output: { text, inner, status: 'from the API server' } as never };
    },
    text: ({ text }) => text,
  });
  const fail = defineReadTool({
    name: 'fail',
    title: 'Fail',
    description: 'Fails as it is told.',
    toolset: 'clusters',
    permissions: [],
    input: z.strictObject({ how: z.enum(['not_found', 'defect']) }),
    output: z.object({ never: z.string() }),
    async read(_context, { how }) {
      if (how === 'not_found') throw new ToolError('not_found', 'There is no such thing.');
      throw new Error('postgres://user:hunter2@host/db');
    },
    text: () => '',
  });
  const hold = defineReadTool({
    name: 'hold',
    title: 'Hold',
    description: 'Reports three steps, then waits.',
    toolset: 'clusters',
    permissions: [],
    input: z.strictObject({}),
    output: z.object({ ended: z.boolean() }),
    async read(context) {
      context.progress('one', 1, 3);
      context.progress('two', 2, 3);
      context.progress('two', 2, 3);
      context.progress('back to one', 1, 3);
      await new Promise<void>((resolve, reject) => {
        held.push({ context, release: resolve });
        context.signal.addEventListener('abort', () => reject(context.signal.reason));
        for (const { count, resolve: ready } of waiting) if (held.length >= count) ready();
      });
      return { output: { ended: true } };
    },
    text: () => 'held',
  });
  const drop = defineTool({
    name: 'drop',
    title: 'Drop',
    description: 'Drops a thing.',
    toolset: 'clusters',
    effect: 'destroy',
    confirmFlag: 'confirm',
    permissions: [],
    input: z.strictObject({ name: z.string() }),
    output: z.object({ name: z.string() }),
    async plan(_context, { name }) {
      const object = { metadata: { name, uid: `uid-of-${name}` } };
      return changePlan({
        target: { kind: 'Thing', name, object },
        summary: `Drop ${name}.`,
        losses: [`Everything in ${name}.`],
        facts: undefined,
      });
    },
    async observe(_context, _plan, { name }) {
      dropped.push(name);
      return { state: 'done', message: 'It is gone.', result: { name } };
    },
  });

  const tools: Tool[] = [echo, fail, hold, drop];
  const parts: PipelineParts = {
    kube: { defaultNamespace: () => ({ name: 'default', source: 'built-in default' }) } as KubeGateway,
    settings: defaultToolSettings,
    policy: { readOnly: false, noDestroy: false },
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: (record) => audits.push(record),
  };
  const registry = createToolRegistry(tools, parts, { stepUp: true });
  return {
    surface: createProductSurface(registry, '0.0.0-test'),
    audits,
    dropped,
    held,
    toolNames: tools.map(({ name }) => name),
    holding: (count) =>
      held.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
  };
}
