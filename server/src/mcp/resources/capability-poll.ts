/** Notices when the cluster begins or ceases to serve a kind, for as long as somebody wants to know. */
import type { KubeGateway } from '../../kube/gateway.ts';

/** Discovery is cheap and kinds come and go with installations of the operator. */
const pollMilliseconds = 30_000;

export class CapabilityPoll {
  readonly #kube: KubeGateway;
  readonly #every: number;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #seen: string | undefined;

  constructor(kube: KubeGateway, every = pollMilliseconds) {
    this.#kube = kube;
    this.#every = every;
  }

  /** Calls `changed` whenever the kinds are others than before. Returns the function that ends it. */
  subscribe(changed: () => void): () => void {
    const listener = (): void => changed();
    this.#listeners.add(listener);
    if (!this.#timer) {
      this.#timer = setInterval(() => void this.#look(), this.#every).unref();
      void this.#look();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#seen = undefined;
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    let now: string;
    try {
      const { cnpgKinds, databaseRoles } = await this.#kube.capabilities();
      now = JSON.stringify([[...cnpgKinds].sort(), databaseRoles]);
    } catch {
      // An API server that cannot be reached says nothing about its kinds.
      return;
    }
    const before = this.#seen;
    this.#seen = now;
    if (before !== undefined && before !== now) for (const told of [...this.#listeners]) told();
  }
}
