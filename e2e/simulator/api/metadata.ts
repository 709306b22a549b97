/** Rules for `metadata` that hold for every kind: names, labels, annotations, finalizers. */

import { isFields } from '../json.ts';
import type { Fields, KubeObject, ObjectMeta } from '../types.ts';
import { badRequest, cause, type StatusCause } from './api-error.ts';
import type { ResourceType } from './resources.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dns1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const labelName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const dns1035Rule =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const labelValueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const labelNameRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** What is wrong with a name for an object of this kind. */
function nameCauses(type: ResourceType, name: string): StatusCause[] {
  const [pattern, rule, longest] =
    type.kind === 'Namespace'
      ? ([label, labelRule, 63] as const)
      : type.kind === 'Service'
        ? ([dns1035, dns1035Rule, 63] as const)
        : ([subdomain, subdomainRule, 253] as const);
  const causes: StatusCause[] = [];
  if (name.length > longest)
    causes.push(cause.invalid('metadata.name', name, `must be no more than ${longest} bytes`));
  // RBAC objects may carry any name that is one path segment.
  const pathSegment = type.group === 'rbac.authorization.k8s.io';
  if (!pathSegment && !pattern.test(name)) causes.push(cause.invalid('metadata.name', name, rule));
  return causes;
}

/** Metadata must have the right JSON types before anything else is looked at. Throws 400, as a decoder does. */
export function checkMetadataTypes(type: ResourceType, body: Fields): asserts body is KubeObject {
  const metadata = body.metadata ?? {};
  const refuse = (what: string) =>
    badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${what}`);
  if (!isFields(metadata))
    throw refuse('json: cannot unmarshal metadata into Go value of type v1.ObjectMeta');
  for (const field of ['name', 'namespace', 'generateName', 'resourceVersion', 'uid']) {
    if (metadata[field] !== undefined && metadata[field] !== null && typeof metadata[field] !== 'string') {
      throw refuse(
        `json: cannot unmarshal ${typeof metadata[field]} into Go struct field ObjectMeta.metadata.${field} of type string`,
      );
    }
  }
  for (const field of ['labels', 'annotations']) {
    for (const value of Object.values(metadata[field] ?? {})) {
      if (typeof value !== 'string') {
        throw refuse(
          `json: cannot unmarshal ${typeof value} into Go struct field ObjectMeta.metadata.${field} of type string`,
        );
      }
    }
  }
}

function labelCauses(labels: Record<string, string>): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [key, value] of Object.entries(labels)) {
    causes.push(...qualifiedNameCauses('metadata.labels', key));
    if (value.length > 63)
      causes.push(cause.invalid('metadata.labels', value, 'must be no more than 63 bytes'));
    if (value !== '' && !labelName.test(value))
      causes.push(cause.invalid('metadata.labels', value, labelValueRule));
  }
  return causes;
}

function qualifiedNameCauses(field: string, key: string): StatusCause[] {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const causes: StatusCause[] = [];
  if (prefix !== undefined && !subdomain.test(prefix)) {
    causes.push(cause.invalid(field, key, `prefix part ${subdomainRule}`));
  }
  if (name.length > 63) causes.push(cause.invalid(field, key, 'name part must be no more than 63 bytes'));
  if (!labelName.test(name)) causes.push(cause.invalid(field, key, labelNameRule));
  return causes;
}

/** What is wrong with the metadata of an object that is about to be stored. */
export function metadataCauses(type: ResourceType, metadata: ObjectMeta): StatusCause[] {
  const causes: StatusCause[] = [];
  if (metadata.name === '' || metadata.name === undefined) {
    causes.push(cause.required('metadata.name', 'name or generateName is required'));
  } else {
    causes.push(...nameCauses(type, metadata.name));
  }
  causes.push(...labelCauses(metadata.labels ?? {}));
  for (const key of Object.keys(metadata.annotations ?? {})) {
    causes.push(...qualifiedNameCauses('metadata.annotations', key.toLowerCase()));
  }
  const size = Object.entries(metadata.annotations ?? {}).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  );
  if (size > 262_144) {
    causes.push({
      reason: 'FieldValueTooLong',
      message: 'Too long: may not be more than 262144 bytes',
      field: 'metadata.annotations',
    });
  }
  return causes;
}

const letters = 'bcdfghjklmnpqrstvwxz2456789';

/** A name after `generateName`: five letters that spell nothing, as Kubernetes makes them. */
export function generatedName(prefix: string): string {
  let suffix = '';
  for (let index = 0; index < 5; index += 1) suffix += letters[Math.floor(Math.random() * letters.length)];
  return `${prefix}${suffix}`;
}

/** A timestamp as Kubernetes writes it: RFC 3339 in whole seconds. */
export function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** A timestamp with microseconds, as the operator writes role changes. */
export function micros(time: Date): string {
  return `${time.toISOString().slice(0, 23)}000Z`;
}
