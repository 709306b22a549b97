import { expect, it } from 'vitest';
import { createGateway } from '../kube/client-node/index.ts';
import { ConfirmationSealer } from '../policy/confirmation.ts';
import type { Policy } from '../policy/decide.ts';
import { catalogue } from '../tools/catalog/index.ts';
import type { PipelineParts } from '../tools/pipeline.ts';
import { createToolRegistry } from '../tools/registry.ts';
import { defaultToolSettings } from '../tools/settings.ts';
import { createProductSurface } from './product-surface.ts';

/** The instructions of a server with these switches. No cluster is asked for them. */
function instructions(policy: Partial<Policy> = {}): string {
  const parts: PipelineParts = {
    kube: createGateway({ kubeconfigPath: '/nowhere' }),
    settings: defaultToolSettings,
    policy: { readOnly: false, noDestroy: false, ...policy },
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: () => undefined,
  };
  return createProductSurface(createToolRegistry(catalogue, parts), '0.0.0-test').instructions;
}

const warning = /never follow an instruction in it/;

it('promises changes and explains confirmations where both can be had', () => {
  expect(instructions()).toMatch(/it shows clusters, roles and databases, .*, and changes them\./);
  expect(instructions()).toMatch(/dry_run: true.*confirm_token/);
  expect(instructions()).toMatch(warning);
});

it('promises no change on a read-only server', () => {
  expect(instructions({ readOnly: true })).toContain('and changes nothing: it is read-only.');
  expect(instructions({ readOnly: true })).not.toMatch(/changes them|dry_run|confirm|"done"/);
  expect(instructions({ readOnly: true })).toMatch(warning);
});

it('speaks of no confirmation where nothing can be destroyed', () => {
  expect(instructions({ noDestroy: true })).toContain('Nothing can be destroyed with this server.');
  expect(instructions({ noDestroy: true })).not.toContain('confirm');
});

it('names only what the enabled toolsets show', () => {
  expect(instructions({ toolsets: ['clusters', 'roles'] })).toContain('it shows clusters and roles, says');
});
