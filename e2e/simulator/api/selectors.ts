/** Label and field selectors of list and watch requests. */

import type { KubeObject } from '../types.ts';
import { badRequest } from './api-error.ts';
import type { ResourceType } from './resources.ts';

export type Predicate = (object: KubeObject) => boolean;

const everything: Predicate = () => true;

/** Splits at commas outside of parentheses. */
function requirements(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const key = '([A-Za-z0-9][-A-Za-z0-9_./]*)';
const equality = new RegExp(`^${key}\\s*(==|=|!=)\\s*([-A-Za-z0-9_.]*)$`);
const membership = new RegExp(`^${key}\\s+(in|notin)\\s+\\(([^)]*)\\)$`);
const comparison = new RegExp(`^${key}\\s*([<>])\\s*(-?\\d+)$`);
const existence = new RegExp(`^(!?)\\s*${key}$`);

/** Parses `a=b,c!=d,e in (f,g),h,!i`. Throws 400 with a text that a selector cannot be. */
export function labelSelector(selector: string | undefined): Predicate {
  if (selector === undefined || selector === '') return everything;
  const predicates = requirements(selector).map((requirement): Predicate => {
    const equal = equality.exec(requirement);
    if (equal !== null) {
      const [, label = '', operator, wanted] = equal;
      return ({ metadata }) => (metadata.labels?.[label] === wanted) === (operator !== '!=');
    }
    const member = membership.exec(requirement);
    if (member !== null) {
      const [, label = '', operator, list = ''] = member;
      const values = list.split(',').map((value) => value.trim());
      return ({ metadata }) => {
        const value = metadata.labels?.[label];
        return (value !== undefined && values.includes(value)) === (operator === 'in');
      };
    }
    const compared = comparison.exec(requirement);
    if (compared !== null) {
      const [, label = '', operator, bound] = compared;
      return ({ metadata }) => {
        const value = Number(metadata.labels?.[label] ?? Number.NaN);
        return operator === '>' ? value > Number(bound) : value < Number(bound);
      };
    }
    const exists = existence.exec(requirement);
    if (exists !== null) {
      const [, not, label = ''] = exists;
      return ({ metadata }) => (metadata.labels?.[label] !== undefined) === (not === '');
    }
    const sign = /[=!<>]/.exec(requirement)?.[0] ?? requirement;
    throw badRequest(
      requirement.startsWith(sign)
        ? `found '${sign}', expected: !, identifier, or 'end of string'`
        : `unable to parse requirement: found '${sign}', expected: identifier`,
    );
  });
  return (object) => predicates.every((holds) => holds(object));
}

function fieldValue(object: KubeObject, path: string): string {
  let value: unknown = path === 'reportingComponent' ? object.reportingComponent : object;
  if (path === 'source') value = object.source?.component;
  else if (path !== 'reportingComponent') {
    for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  }
  return value === undefined || value === null ? '' : String(value);
}

/** Parses `metadata.name=x,involvedObject.kind!=y`. Throws 400 for a field that this resource cannot select by. */
export function fieldSelector(type: ResourceType, selector: string | undefined): Predicate {
  if (selector === undefined || selector === '') return everything;
  const predicates = requirements(selector).map((requirement): Predicate => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(requirement);
    if (match === null)
      throw badRequest(`invalid selector: '${selector}'; can't understand '${requirement}'`);
    const [, path = '', operator, wanted] = match;
    const general = ['metadata.name', 'metadata.namespace'];
    if (![...general, ...(type.selectable ?? [])].includes(path)) {
      throw badRequest(
        type.schema === undefined && type.selectable === undefined
          ? `"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`
          : `field label not supported: ${path}`,
      );
    }
    return (object) => (fieldValue(object, path) === wanted) === (operator !== '!=');
  });
  return (object) => predicates.every((holds) => holds(object));
}
