/** The namespaces that `doctor` looks at: what a missing one means depends on the others, so all are looked up before the first is told. */
import { toToolError } from '../errors.ts';
import type { CallOptions, KubeGateway } from '../kube/gateway.ts';
import type { Result } from './doctor-check.ts';

type Presence = 'there' | 'missing' | 'hidden';

interface NamespaceOptions {
  /** Nothing but these can be touched. */
  bound: boolean;
  /** Helm can still make the one that it installs into. */
  beforeInstalling: boolean;
}

export class Namespaces {
  readonly #kube: KubeGateway;
  readonly #names: readonly string[];
  readonly #options: NamespaceOptions;
  readonly #call: CallOptions;
  #found: Promise<ReadonlyMap<string, Presence>> | undefined;

  constructor(kube: KubeGateway, names: readonly string[], options: NamespaceOptions, call: CallOptions) {
    this.#kube = kube;
    this.#names = names;
    this.#options = options;
    this.#call = call;
  }

  /** Whether the namespace does not exist. One that may not be looked up counts as there. */
  async isMissing(name: string): Promise<boolean> {
    return (await this.#all()).get(name) === 'missing';
  }

  async check(name: string): Promise<Result> {
    const all = await this.#all();
    const byDefault = this.#kube.defaultNamespace();
    const origin = byDefault.name === name ? ` Default of calls that name none (${byDefault.source}).` : '';
    const presence = all.get(name);
    if (presence === 'there') return { status: 'ok', message: `Exists.${origin}` };
    if (presence === 'hidden') {
      const message = `May not be looked up, which is only needed for better messages.${origin}`;
      return { status: 'ok', message };
    }
    const none = this.#options.bound && [...all.values()].every((one) => one === 'missing');
    const nothing = none ? ' There is no other that may be touched, so no call can succeed.' : '';
    const byHelm = this.#options.beforeInstalling
      ? ' (helm install --create-namespace makes the one of the release)'
      : '';
    return {
      status: none ? 'failed' : 'warning',
      message: `Does not exist.${nothing}${origin}`,
      remedy: `Create it${byHelm}, or set another namespace.`,
    };
  }

  #all(): Promise<ReadonlyMap<string, Presence>> {
    this.#found ??= this.#lookUp();
    return this.#found;
  }

  async #lookUp(): Promise<ReadonlyMap<string, Presence>> {
    const found = new Map<string, Presence>();
    for (const name of this.#names) found.set(name, await this.#presence(name));
    return found;
  }

  async #presence(name: string): Promise<Presence> {
    try {
      await this.#kube.get('namespaces', { name }, this.#call);
      return 'there';
    } catch (thrown) {
      const { code } = toToolError(thrown);
      if (code === 'forbidden') return 'hidden';
      if (code === 'not_found') return 'missing';
      throw thrown;
    }
  }
}
