/** A gateway that answers only what a tool has declared, so that the declared rights are the used rights. */
import { ToolError } from '../errors.ts';
import type { CallOptions, KubeGateway } from '../kube/gateway.ts';
import type { ResourceName } from '../kube/resources.ts';
import type { Permission, Verb } from './permission.ts';

/** Seconds that one request to the API server may take when a tool says nothing else. */
const defaultTimeoutSeconds = 15;

/**
 * Wraps a gateway for one call of one tool: every method checks the declaration first (an undeclared use is a defect and
 * throws `internal`), and gets the call's signal and a deadline.
 */
export function guardGateway(
  kube: KubeGateway,
  tool: { name: string; permissions: readonly Permission[] },
  signal: AbortSignal,
): KubeGateway {
  const declares = (resource: ResourceName, verb: Verb, subresource?: string): boolean =>
    tool.permissions.some(
      (permission) =>
        permission.resource === resource &&
        permission.subresource === subresource &&
        permission.verbs.includes(verb),
    );
  const need = (resource: ResourceName, verb: Verb, subresource?: string): void => {
    if (!declares(resource, verb, subresource)) {
      const target = subresource ? `${resource}/${subresource}` : resource;
      throw new ToolError(
        'internal',
        `${tool.name} used a right that it does not declare: ${verb} ${target}.`,
      );
    }
  };
  const within = <Options extends CallOptions>(options: Options): Options => ({
    ...options,
    signal: options.signal ?? signal,
    timeoutSeconds: options.timeoutSeconds ?? defaultTimeoutSeconds,
  });
  return {
    list: async (resource, options) => {
      need(resource, 'list');
      return kube.list(resource, within(options));
    },
    get: async (resource, key, options = {}) => {
      need(resource, 'get');
      return kube.get(resource, key, within(options));
    },
    create: async (resource, object, options = {}) => {
      need(resource, 'create');
      return kube.create(resource, object, within(options));
    },
    patch: async (resource, key, patch, options = {}) => {
      need(resource, 'patch', options.subresource);
      return kube.patch(resource, key, patch, within(options));
    },
    remove: async (resource, key, options = {}) => {
      need(resource, 'delete');
      return kube.remove(resource, key, within(options));
    },
    watchUntil: async (resource, options, decide) => {
      need(resource, 'watch');
      // A watch begins with what is there: a list, or for one object whichever of the two may be had.
      if (options.name === undefined || !declares(resource, 'get')) need(resource, 'list');
      return kube.watchUntil(resource, within(options), decide);
    },
    podLog: async (key, options) => {
      need('pods', 'get', 'log');
      return kube.podLog(key, within(options));
    },
    podProxy: async (key, page, options = {}) => {
      need('pods', 'get', 'proxy');
      return kube.podProxy(key, page, within(options));
    },
    mayI: (questions, options = {}) => kube.mayI(questions, within(options)),
    whoAmI: (options = {}) => kube.whoAmI(within(options)),
    capabilities: (options = {}) => kube.capabilities(within(options)),
    defaultNamespace: () => kube.defaultNamespace(),
    describe: () => kube.describe(),
    as: (identity) => guardGateway(kube.as(identity), tool, signal),
    close: () => kube.close(),
  };
}
