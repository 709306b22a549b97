/** What the cluster offers: its version, the CNPG kinds it serves, and the operator's version where it can be seen. */
import { ToolError } from '../../errors.ts';
import type { Capabilities, CapabilityOptions, KubeObject } from '../gateway.ts';
import { type ResourceType, resources } from '../resources.ts';
import type { Subject } from './api-errors.ts';
import { expectList, type JsonObject, notKubernetes, parseObject } from './bodies.ts';
import type { Deadline } from './deadline.ts';
import { pathOf } from './paths.ts';
import type { Requester } from './requester.ts';

const keepMs = 60_000;
/** An operator that has just been installed is found soon. */
const keepMissingMs = 5000;
const keepOperatorVersionMs = 600_000;

const cnpgPath = '/apis/postgresql.cnpg.io/v1';
const discoveryType = (plural: string, kind: string): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
});
const versionSubject: Subject = { verb: 'get', type: discoveryType('version', 'Version') };
const groupSubject: Subject = { verb: 'get', type: discoveryType('apis', 'APIGroup') };

/** A value that is kept for a while. Failures are not kept. */
class Kept<T> {
  #value: { value: T; until: number } | undefined;

  async get(ask: () => Promise<T>, keepFor: (value: T) => number, fresh = false): Promise<T> {
    if (!fresh && this.#value && performance.now() < this.#value.until) return this.#value.value;
    const value = await ask();
    this.#value = { value, until: performance.now() + keepFor(value) };
    return value;
  }
}

/** Asks as the server itself, never as an impersonated user: the answers are facts about the cluster. */
export class Discovery {
  readonly #requester: () => Requester;
  readonly #kinds = new Kept<ReadonlySet<string>>();
  readonly #kubernetes = new Kept<string>();
  readonly #operator = new Kept<string | undefined>();

  constructor(requester: () => Requester) {
    this.#requester = requester;
  }

  async capabilities(
    deadline: Deadline,
    { fresh = false, operatorVersion: wanted = false }: CapabilityOptions = {},
  ): Promise<Capabilities> {
    const [kubernetesVersion, cnpgKinds] = await Promise.all([
      this.#kubernetes.get(
        () => this.#kubernetesVersion(deadline),
        () => keepMs,
      ),
      this.cnpgKinds(deadline, fresh),
    ]);
    const operatorVersion =
      !wanted || cnpgKinds.size === 0
        ? undefined
        : await this.#operator
            .get(
              () => this.#operatorVersion(deadline),
              (version) => (version === undefined ? keepMs : keepOperatorVersionMs),
            )
            .catch(() => undefined);
    deadline.throwIfOver();
    return {
      kubernetesVersion,
      cnpgKinds,
      ...(operatorVersion !== undefined && { operatorVersion }),
      databaseRoles: cnpgKinds.has('databaseroles'),
    };
  }

  /** Plural names of the CNPG kinds that are served; empty without the operator. */
  async cnpgKinds(deadline: Deadline, fresh = false): Promise<ReadonlySet<string>> {
    return this.#kinds.get(
      () => this.#servedKinds(deadline),
      (kinds) => (kinds.size === 0 ? keepMissingMs : keepMs),
      fresh,
    );
  }

  async #kubernetesVersion(deadline: Deadline): Promise<string> {
    const { gitVersion } = await this.#json('/version', versionSubject, deadline);
    if (typeof gitVersion !== 'string') throw notKubernetes('without the version of Kubernetes');
    return gitVersion;
  }

  async #servedKinds(deadline: Deadline): Promise<ReadonlySet<string>> {
    try {
      const { resources: served } = await this.#json(cnpgPath, groupSubject, deadline);
      return new Set(
        expectList(served)
          .map(({ name }) => String(name))
          .filter((name) => !name.includes('/')),
      );
    } catch (thrown) {
      if (thrown instanceof ToolError && thrown.api?.status === 404) return new Set();
      throw thrown;
    }
  }

  /**
   * The operator's pod has its version as the tag of its image (operators 1.28 to 1.30 set no version label on their CRDs);
   * an instance pod has it in an annotation. Neither is seen without the right to list pods.
   */
  async #operatorVersion(deadline: Deadline): Promise<string | undefined> {
    const operator = await this.#onePod('app.kubernetes.io/name=cloudnative-pg', deadline);
    const containers =
      (operator?.spec as { containers?: { image?: string }[] } | undefined)?.containers ?? [];
    for (const { image } of containers) {
      const version = /:v?(\d+\.\d+\.\d+[\w.-]*?)(?:-ubi\d*)?(?:@|$)/.exec(image ?? '')?.[1];
      if (version !== undefined) return version;
    }
    const instance = await this.#onePod('cnpg.io/podRole=instance', deadline);
    return instance?.metadata.annotations?.['cnpg.io/operatorVersion'];
  }

  async #onePod(labelSelector: string, deadline: Deadline): Promise<KubeObject | undefined> {
    const type = resources.pods;
    const path = pathOf({ type }, { labelSelector, limit: 1 });
    try {
      const { items } = await this.#json(path, { verb: 'list', type }, deadline);
      return expectList(items)[0] as KubeObject | undefined;
    } catch (thrown) {
      if (thrown instanceof ToolError && thrown.code === 'forbidden') return undefined;
      throw thrown;
    }
  }

  async #json(path: string, subject: Subject, deadline: Deadline): Promise<JsonObject> {
    const { text } = await this.#requester().send(
      { subject, method: 'GET', path, idempotent: true },
      deadline,
    );
    return parseObject(text);
  }
}
