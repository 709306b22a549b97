/**
 * The sets of rights that an installation chooses from. A preset has the rights of all tools up to an effect; an add-on has
 * those that expose something of their own, and comes on top. The chart, cnpg-mcp-rbac, `doctor` and the error texts all
 * derive what they say from here.
 */
import type { MissingRight } from '../errors.ts';
import type { Effect } from '../policy/effect.ts';
import type { AddOn, Permission } from './permission.ts';

/** In rising order: each has the rights of the ones before. */
export const presets = ['view', 'operate', 'edit'] as const;
export type Preset = (typeof presets)[number];

/** Every add-on, and what it lets the server see or do. */
export const addOns: Readonly<Record<AddOn, string>> = {
  secrets: 'the Secrets that are listed by name, and making new ones: passwords of roles',
  podLogs: 'log lines of the pods, which can hold data',
  podProxy: 'the status and metrics pages of the instances, through the API server',
  events: 'events of the namespace: why a pod or a volume is not made',
  storage: 'storage classes and volumes of the whole cluster',
  nodes: 'the nodes of the whole cluster',
  auditEvents: 'making events: with audit.events, who changed a cluster stands at the cluster',
};

const presetByEffect: Readonly<Record<Effect, Preset>> = {
  read: 'view',
  operate: 'operate',
  change: 'edit',
  destroy: 'edit',
};

/** The least preset with the rights of tools of this effect. */
export function presetOf(effect: Effect): Preset {
  return presetByEffect[effect];
}

/** The greatest effect whose tools have all their rights with a preset: what a caller can be granted at most. */
export function effectOf(preset: Preset): Effect {
  const all = Object.entries(presetByEffect) as [Effect, Preset][];
  return all
    .filter(([, own]) => own === preset)
    .map(([effect]) => effect)
    .at(-1) as Effect;
}

/** True when `preset` has what `needed` has. */
export function includesPreset(preset: Preset, needed: Preset): boolean {
  return presets.indexOf(preset) >= presets.indexOf(needed);
}

/** What has the right to declare and use rights: a tool, or another part of the server. */
export interface RightUser {
  name: string;
  effect: Effect;
  permissions: readonly Permission[];
}

/**
 * Where the right comes from that a tool lacks, for the person who installed the server; `undefined` when the tool does not
 * declare it. For Secrets the name is told, because they are granted by name. A right of namespaces that lacks one is needed in
 * all of them at once, which no preset gives by itself.
 */
export function sourceOf(
  user: Pick<RightUser, 'effect' | 'permissions'>,
  right: Pick<MissingRight, 'verb' | 'resource' | 'subresource' | 'name'> & {
    namespace?: string | undefined;
  },
): string | undefined {
  const declared = user.permissions.find(
    ({ resource, subresource, verbs }) =>
      resource === right.resource &&
      subresource === right.subresource &&
      (verbs as readonly string[]).includes(right.verb),
  );
  if (!declared) return undefined;
  const everywhere = declared.scope === 'namespace' && right.namespace === undefined;
  const preset = `preset ${presetOf(user.effect)} (rbac.preset)${everywhere ? ' in all namespaces (rbac.clusterWide)' : ''}`;
  if (declared.addOn === undefined) return preset;
  const addOn = `add-on ${declared.addOn} (rbac.addOns.${declared.addOn})`;
  const named = declared.addOn === 'secrets' && right.name ? `, with ${right.name} in its list` : '';
  return `${preset} with ${addOn}${named}`;
}
