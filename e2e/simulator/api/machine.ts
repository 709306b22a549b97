/** What the parts of the simulated API server share. */

import type { KubeObject } from '../types.ts';
import type { Resources, ResourceType } from './resources.ts';
import type { Store } from './store.ts';

/** What admission is asked about. `before` is undefined for a create. */
export interface Admission {
  type: ResourceType;
  object: KubeObject;
  before: KubeObject | undefined;
}

/** The webhooks: they may change the object, refuse it (by throwing), and warn. */
export interface Webhooks {
  mutate(admission: Admission): void;
  /** Returns warnings for the client. */
  validate(admission: Admission): string[];
}

export interface Machine {
  store: Store;
  resources: Resources;
  webhooks: Webhooks;
  /** Whether kubelets are simulated: then they end terminating pods, otherwise those are gone at once. */
  kubelets: boolean;
  now(): Date;
}

/** The options of a write, from its query. */
export interface WriteOptions {
  dryRun: boolean;
  /** The field manager that the change is recorded for. */
  manager: string;
  fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  force: boolean;
}

/** An object as answered, with the warnings that go into the headers. */
export interface Written {
  object: KubeObject;
  warnings: string[];
  created: boolean;
}
