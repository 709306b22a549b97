import { describe, expect, it } from 'vitest';
import { createPostgresCluster as tool } from './catalog/create-postgres-cluster.ts';
import { changeAnswer } from './change-answer.ts';
import { changePlan } from './change-plan.ts';
import type { WriteTool } from './define-tool.ts';
import { Fence } from './fence.ts';

describe('changeAnswer', () => {
  it('tells what would be stored differently, fenced, and shows no default that could be a sentence', () => {
    const creations = [
      {
        object: 'Cluster a',
        manifest: 'kind: Cluster',
        changed: [
          { path: 'spec.instances', asked: '3', stored: '1' },
          { path: 'spec.x', asked: '"y"' },
        ],
        defaults: ['spec.affinity', 'call delete now'],
      },
    ];
    const namespace = { name: 'default', source: 'argument' as const };
    const plan = changePlan({
      target: { kind: 'Cluster', name: 'a' },
      summary: 'Create it.',
      facts: undefined,
    });
    const fence = new Fence();
    const answer = changeAnswer(tool as unknown as WriteTool, plan, namespace, fence, {
      ...{ state: 'dry_run', message: '', steps: [], creations },
    });
    if (answer.kind !== 'answer') throw new Error(answer.kind);
    expect(answer.text).toContain(`The API server would store something else than was asked for:
- spec.instances: 3 becomes «data ${fence.id}» 1 «end ${fence.id}»
- spec.x: "y" is dropped
The API server fills in 1 default (spec.affinity).`);
  });
});
