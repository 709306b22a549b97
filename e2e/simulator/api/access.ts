/** Authorization: rules over "everything is allowed", and the reviews that ask about them. */

import { isFields } from '../json.ts';
import type { AccessRule, Fields } from '../types.ts';
import { type ApiError, cause, forbidden, invalid } from './api-error.ts';
import type { Machine } from './machine.ts';
import { seconds } from './metadata.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';

export interface Identity {
  user: string;
  groups: string[];
}

/** What somebody wants to do. */
interface Attempt {
  user: string;
  verb: string;
  group: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
}

/** The rules in force. The newest rule that matches decides; without one, everything is allowed. */
export class Access {
  #rules: { allows: boolean; rule: AccessRule }[] = [];

  add(allows: boolean, rule: AccessRule): void {
    const [resource, subresource] = rule.resource?.split('/') ?? [];
    this.#rules.unshift({
      allows,
      rule: {
        ...rule,
        ...(resource === undefined ? {} : { resource }),
        ...(subresource === undefined ? {} : { subresource }),
      },
    });
  }

  reset(): void {
    this.#rules = [];
  }

  allows(attempt: Attempt): boolean {
    const matches = (rule: AccessRule): boolean =>
      Object.entries(rule).every(
        ([field, wanted]) => wanted === '*' || attempt[field as keyof Attempt] === wanted,
      );
    return this.#rules.find(({ rule }) => matches(rule))?.allows ?? true;
  }
}

/** The API server's refusal. */
export function refusal(attempt: Attempt): ApiError {
  const { user, verb, group, resource, subresource, namespace, name } = attempt;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const why = `User "${user}" cannot ${verb} resource "${what}" in API group "${group}" ${where}`;
  return forbidden({ group, plural: resource }, name, why);
}

/** Answers a POST of one of the self subject reviews. */
export function review(
  machine: Machine,
  access: Access,
  type: ResourceType,
  identity: Identity,
  body: Fields,
): Fields {
  const answer = { kind: type.kind, apiVersion: apiVersionOf(type) };
  if (type.kind === 'SelfSubjectReview') {
    return {
      ...answer,
      metadata: { creationTimestamp: seconds(machine.now()) },
      status: { userInfo: { username: identity.user, groups: identity.groups } },
    };
  }
  const spec: Fields = isFields(body.spec) ? body.spec : {};
  if (type.kind === 'SelfSubjectRulesReview') {
    return {
      ...answer,
      metadata: {},
      spec: {},
      status: rulesOf(machine, access, identity, spec.namespace ?? ''),
    };
  }
  const { resourceAttributes: asked, nonResourceAttributes: path } = spec;
  if ((asked === undefined) === (path === undefined)) {
    throw invalid({ group: type.group, kind: '' }, '', [
      cause.invalid(
        'spec.resourceAttributes',
        null,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ]);
  }
  const allowed =
    asked === undefined ||
    access.allows({
      user: identity.user,
      verb: asked.verb ?? '',
      group: asked.group ?? '',
      resource: asked.resource ?? '',
      subresource: asked.subresource ?? '',
      namespace: asked.namespace ?? '',
      name: asked.name ?? '',
    });
  return { ...answer, metadata: {}, spec, status: { allowed } };
}

const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

function rulesOf(machine: Machine, access: Access, identity: Identity, namespace: string): Fields {
  const resourceRules = machine.resources.all.flatMap((type) =>
    ['', ...type.subresources].flatMap((subresource) => {
      const attempt = {
        user: identity.user,
        group: type.group,
        resource: type.plural,
        subresource,
        namespace,
        name: '',
      };
      const allowed = verbs.filter((verb) => access.allows({ ...attempt, verb }));
      if (allowed.length === 0) return [];
      const resource = subresource === '' ? type.plural : `${type.plural}/${subresource}`;
      return [{ verbs: allowed, apiGroups: [type.group], resources: [resource] }];
    }),
  );
  const nonResourceURLs = ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/readyz', '/version'];
  return { resourceRules, nonResourceRules: [{ verbs: ['get'], nonResourceURLs }], incomplete: false };
}
