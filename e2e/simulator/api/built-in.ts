/** What the API server does to built-in kinds on its own: defaults, conversions, and the checks that tools meet. */

import { copy, sameJson } from '../json.ts';
import { parseQuantity } from '../quantity.ts';
import type { KubeObject } from '../types.ts';
import { badRequest, cause, forbidden, type StatusCause } from './api-error.ts';
import type { Machine } from './machine.ts';
import type { ResourceType } from './resources.ts';

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Kinds whose status is only written through the status subresource; a create through the API starts without one. */
function initialStatus(kind: string): KubeObject['status'] | undefined {
  if (kind === 'Namespace') return { phase: 'Active' };
  if (kind === 'Pod') return { phase: 'Pending', qosClass: 'BestEffort' };
  if (kind === 'PersistentVolumeClaim') return { phase: 'Pending' };
  return undefined;
}

/** Turns what a client sent into what is stored: `stringData` into `data`, default types and labels. In place. */
export function normalise(type: ResourceType, object: KubeObject, before: KubeObject | undefined): void {
  if (type.kind === 'Secret') normaliseSecret(object);
  if (before !== undefined) return;
  const status = initialStatus(type.kind);
  if (status !== undefined) object.status = status;
  else if (type.subresources.includes('status')) delete object.status;
  if (type.kind === 'Namespace') {
    object.metadata.labels = {
      ...object.metadata.labels,
      'kubernetes.io/metadata.name': object.metadata.name,
    };
    object.spec = { finalizers: ['kubernetes'] };
  }
  if (type.kind === 'Pod') {
    object.spec = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...object.spec };
  }
}

function normaliseSecret(secret: KubeObject): void {
  for (const [key, value] of Object.entries((secret.stringData ?? {}) as Record<string, string>)) {
    secret.data = { ...secret.data, [key]: Buffer.from(value).toString('base64') };
  }
  delete secret.stringData;
  secret.type ??= 'Opaque';
  for (const value of Object.values((secret.data ?? {}) as Record<string, unknown>)) {
    if (typeof value !== 'string' || !base64.test(value)) {
      throw badRequest(
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
      );
    }
  }
}

/** What is wrong with an object of a built-in kind. */
export function builtInCauses(
  type: ResourceType,
  object: KubeObject,
  before: KubeObject | undefined,
): StatusCause[] {
  if (type.kind === 'Secret') return secretCauses(object, before);
  if (type.kind === 'PersistentVolumeClaim') return claimCauses(object, before);
  return [];
}

function secretCauses(secret: KubeObject, before: KubeObject | undefined): StatusCause[] {
  const data = (secret.data ?? {}) as Record<string, string>;
  const required: Record<string, string[]> = {
    'kubernetes.io/tls': ['tls.crt', 'tls.key'],
    'kubernetes.io/basic-auth':
      data.username === undefined && data.password === undefined ? ['username', 'password'] : [],
  };
  const causes = (required[secret.type as string] ?? [])
    .filter((key) => data[key] === undefined)
    .map((key) => cause.required(`data[${key}]`));
  if (before === undefined) return causes;
  if (before.type !== secret.type) causes.push(cause.invalid('type', secret.type, 'field is immutable'));
  if (before.immutable === true && !sameJson(before.data, secret.data)) {
    causes.push(cause.forbidden('data', 'field is immutable when `immutable` is set'));
  }
  return causes;
}

function claimCauses(claim: KubeObject, before: KubeObject | undefined): StatusCause[] {
  if (before === undefined) return [];
  const causes: StatusCause[] = [];
  const capacity = parseQuantity(before.status?.capacity?.storage ?? '0');
  if (parseQuantity(claim.spec?.resources?.requests?.storage ?? '0') < capacity) {
    causes.push(
      cause.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'),
    );
  }
  const fixed = (object: KubeObject) => {
    const spec = copy(object.spec ?? {});
    if (before.status?.phase === 'Bound') delete spec.resources;
    delete spec.volumeName;
    return spec;
  };
  if (!sameJson(fixed(claim), fixed(before))) {
    causes.push(
      cause.forbidden(
        'spec',
        'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      ),
    );
  }
  return causes;
}

/** The admission plugins built into the API server, for the claims of volumes. In place; throws 403. */
export function admitBuiltIn(
  machine: Machine,
  type: ResourceType,
  object: KubeObject,
  before: KubeObject | undefined,
): void {
  if (type.kind !== 'PersistentVolumeClaim') return;
  const classes = machine.resources.named('storageclasses');
  if (before === undefined) {
    object.metadata.finalizers = [...(object.metadata.finalizers ?? []), 'kubernetes.io/pvc-protection'];
    if (object.spec !== undefined) object.spec = { volumeMode: 'Filesystem', ...object.spec };
    if (object.spec !== undefined && object.spec.storageClassName === undefined) {
      const isDefault = (each: KubeObject) =>
        each.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
      const found = machine.store.list(classes).find(isDefault);
      if (found !== undefined) object.spec = { ...object.spec, storageClassName: found.metadata.name };
    }
    return;
  }
  if (before.status?.phase !== 'Bound') return;
  const asked = (each: KubeObject) => parseQuantity(each.spec?.resources?.requests?.storage ?? '0');
  if (asked(object) > asked(before)) {
    const used = machine.store.get(classes, undefined, object.spec?.storageClassName ?? '');
    if (used?.allowVolumeExpansion !== true) {
      throw forbidden(
        type,
        object.metadata.name,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    }
  }
}
