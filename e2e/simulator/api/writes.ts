/** Create, update and patch: from the body of a request to the stored object, in the order of the API server. */

import { randomUUID } from 'node:crypto';
import { parse as parseYaml } from 'yaml';
import { copy, isFields, sameJson } from '../json.ts';
import { applyDefaults, validate } from '../schemas/schema.ts';
import type { Fields, KubeObject, ObjectMeta } from '../types.ts';
import {
  ApiError,
  alreadyExists,
  badRequest,
  cause,
  forbidden,
  invalid,
  modified,
  notFound,
  type StatusCause,
} from './api-error.ts';
import { admitBuiltIn, builtInCauses, normalise } from './built-in.ts';
import { decode, decodeApplied, parsePatch } from './decoding.ts';
import type { Machine, WriteOptions, Written } from './machine.ts';
import { afterUpdate, applyConfiguration } from './managed-fields.ts';
import { generatedName, metadataCauses, seconds } from './metadata.ts';
import { jsonPatch, mergePatch, patchTypes, strategicMergePatch } from './patches.ts';
import type { ResourceType } from './resources.ts';
import { keyOf } from './store.ts';

/** Where a write goes. */
export interface Target {
  type: ResourceType;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

function kindOf(type: ResourceType): { group: string; kind: string } {
  return { group: type.group, kind: type.kind };
}

/** The namespace of a new object must exist and not be on its way out. */
function admitNamespace(machine: Machine, { type, namespace }: Target, name: string): void {
  if (namespace === undefined || !type.namespaced) return;
  const namespaces = machine.resources.named('namespaces');
  const found = machine.store.get(namespaces, undefined, namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    type,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

function check(
  machine: Machine,
  type: ResourceType,
  object: KubeObject,
  before: KubeObject | undefined,
): string[] {
  const causes: StatusCause[] = metadataCauses(type, object.metadata);
  if (type.schema === undefined) causes.push(...builtInCauses(type, object, before));
  else causes.push(...validate(type.schema, object, before));
  if (causes.length > 0) throw invalid(kindOf(type), object.metadata.name ?? '', causes);
  return machine.webhooks.validate({ type, object, before });
}

function checkNamespace({ type, namespace }: Target, { namespace: given }: ObjectMeta): void {
  if (type.namespaced && given !== undefined && given !== '' && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Empty lists and maps in metadata are not kept. */
function dropEmpty(metadata: ObjectMeta): void {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    const value = metadata[field];
    if (value !== undefined && (value === null || Object.keys(value).length === 0)) delete metadata[field];
  }
}

/** POST of an object. */
export function create(machine: Machine, target: Target, body: Fields, options: WriteOptions): Written {
  const { object, warnings } = decode(target.type, body, options, false);
  return createDecoded(machine, target, object, warnings, options);
}

function createDecoded(
  machine: Machine,
  target: Target,
  object: KubeObject,
  warnings: string[],
  options: WriteOptions,
  applied?: ObjectMeta['managedFields'],
): Written {
  const { type, namespace } = target;
  checkNamespace(target, object.metadata);
  const { resourceVersion, ...metadata } = object.metadata;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0') {
    throw new ApiError(500, 'InternalError', 'resourceVersion should not be set on objects to be created');
  }
  if ((metadata.name === undefined || metadata.name === '') && metadata.generateName) {
    metadata.name = generatedName(metadata.generateName);
  }
  object.metadata = {
    ...metadata,
    ...(type.namespaced && namespace !== undefined ? { namespace } : {}),
    uid: randomUUID(),
    creationTimestamp: seconds(machine.now()),
    ...(type.counted ? { generation: 1 } : {}),
  };
  delete object.metadata.deletionTimestamp;
  delete object.metadata.managedFields;
  dropEmpty(object.metadata);
  admitNamespace(machine, target, object.metadata.name ?? '');
  normalise(type, object, undefined);
  // What admission fills in later, and what the server writes by itself, belongs to no manager.
  const { status: _, ...sent } = object;
  if (type.kind === 'Namespace') delete sent.spec;
  const time = object.metadata.creationTimestamp ?? '';
  const managedFields =
    applied ?? afterUpdate(type, undefined, sent as KubeObject, { name: options.manager, time });
  admitBuiltIn(machine, type, object, undefined);
  if (type.schema !== undefined && type.subresources.includes('status')) delete object.status;
  machine.webhooks.mutate({ type, object, before: undefined });
  warnings.push(...check(machine, type, object, undefined));
  if (machine.store.get(type, namespace, object.metadata.name) !== undefined) {
    throw alreadyExists(type, object.metadata.name);
  }
  object.metadata.managedFields = managedFields;
  return { object: options.dryRun ? object : machine.store.save(type, object), warnings, created: true };
}

/** PUT of a whole object, or of its status. */
export function update(machine: Machine, target: Target, body: Fields, options: WriteOptions): Written {
  const { type, namespace, name = '' } = target;
  const { object, warnings } = decode(type, body, options, false);
  if (object.metadata.name === undefined || object.metadata.name === '')
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  checkName(object, name);
  const current = machine.store.get(type, namespace, name);
  if (current === undefined) throw notFound(type, name);
  const { resourceVersion, uid } = object.metadata;
  if (type.schema !== undefined && (resourceVersion === undefined || resourceVersion === '')) {
    throw invalid({ group: type.group, kind: type.plural }, name, [
      cause.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
  if (uid !== undefined && uid !== current.metadata.uid) {
    const message = `Operation cannot be fulfilled on ${type.plural}${type.group === '' ? '' : `.${type.group}`} "${name}": StorageError: invalid object, Code: 4, Key: /registry/${type.group === '' ? '' : `${type.group}/`}${type.plural}/${keyOf(namespace, name)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    throw new ApiError(409, 'Conflict', message, { name, group: type.group, kind: type.plural });
  }
  return replace(machine, target, current, object, warnings, options);
}

function checkName(object: KubeObject, name: string): void {
  if (object.metadata.name !== undefined && object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}

/** PATCH of an object or of its status, in any of the formats. */
export function patch(
  machine: Machine,
  target: Target,
  contentType: string,
  text: string,
  options: WriteOptions,
): Written {
  const { type, namespace, name = '' } = target;
  const accepted: string[] = [patchTypes.json, patchTypes.merge, patchTypes.apply];
  if (type.schema === undefined) accepted.splice(2, 0, patchTypes.strategic);
  if (!accepted.includes(contentType)) {
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    );
  }
  if (contentType === patchTypes.apply) return apply(machine, target, text, options);
  const current = machine.store.get(type, namespace, name);
  if (current === undefined) throw notFound(type, name);
  const change = parsePatch(text);
  if (contentType !== patchTypes.json && !isFields(change)) {
    throw badRequest(
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    );
  }
  const merge =
    contentType === patchTypes.json
      ? jsonPatch
      : contentType === patchTypes.merge
        ? mergePatch
        : strategicMergePatch;
  const proposed = merge(current, change);
  if (!isFields(proposed)) throw badRequest('the patched document is no object');
  const { object, warnings } = decode(type, proposed, options, true);
  checkName(object, name);
  return replace(machine, target, current, object, warnings, options);
}

function apply(machine: Machine, target: Target, text: string, options: WriteOptions): Written {
  const { type, namespace, name = '', subresource } = target;
  let body: unknown;
  try {
    body = parseYaml(text);
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isFields(body)) throw badRequest('error decoding YAML: the configuration is no object');
  if (body.apiVersion === undefined || body.kind === undefined) {
    throw badRequest(`invalid object type: /, Kind=${body.kind ?? ''}`);
  }
  const metadata: unknown = body.metadata;
  if (isFields(metadata) && Array.isArray(metadata.managedFields) && metadata.managedFields.length > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  if (!isFields(metadata) || metadata.name === undefined) {
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  const current = machine.store.get(type, namespace, name);
  const configuration = decodeApplied(type, body, options);
  checkName(configuration, name);
  if (current === undefined) delete configuration.metadata.resourceVersion;
  const time = seconds(machine.now());
  const manager = { name: options.manager, time, ...(subresource === undefined ? {} : { subresource }) };
  const merged = applyConfiguration(type, current, configuration, manager, options.force);
  const { managedFields } = merged.metadata;
  // Defaults are filled in after the merge: they belong to nobody.
  if (type.schema !== undefined) applyDefaults(type.schema, merged);
  if (current === undefined) {
    if (subresource !== undefined) throw notFound(type, name);
    return createDecoded(machine, target, merged, [], options, managedFields);
  }
  return replace(machine, target, current, merged, [], options, managedFields);
}

/** Stores a proposed new version: separates spec and status, keeps what nobody may change, runs admission. */
function replace(
  machine: Machine,
  target: Target,
  current: KubeObject,
  proposed: KubeObject,
  warnings: string[],
  options: WriteOptions,
  applied?: ObjectMeta['managedFields'],
): Written {
  const { type, name = '', subresource } = target;
  const given = proposed.metadata;
  checkNamespace(target, given);
  if (
    given.resourceVersion !== undefined &&
    given.resourceVersion !== '' &&
    given.resourceVersion !== current.metadata.resourceVersion
  ) {
    throw modified(type, name);
  }
  const statusOnly = subresource === 'status';
  const object: KubeObject = statusOnly ? { ...copy(current), status: proposed.status ?? {} } : proposed;
  if (statusOnly && proposed.status === undefined) delete object.status;
  if (!statusOnly) {
    keepIdentity(type, object, current);
    if (type.subresources.includes('status')) {
      if (current.status === undefined) delete object.status;
      else object.status = copy(current.status);
    }
    normalise(type, object, current);
    admitBuiltIn(machine, type, object, current);
    machine.webhooks.mutate({ type, object, before: current });
    warnings.push(...check(machine, type, object, current));
  } else if (type.schema !== undefined) {
    const causes = validate(type.schema, object, current);
    if (causes.length > 0) throw invalid(kindOf(type), name, causes);
  }
  return { object: store(machine, target, current, object, options, applied), warnings, created: false };
}

/** Puts back the metadata that a client cannot change; refuses what it must not try. */
function keepIdentity(type: ResourceType, object: KubeObject, current: KubeObject): void {
  const { uid } = object.metadata;
  if (uid !== undefined && uid !== current.metadata.uid) {
    throw invalid(kindOf(type), current.metadata.name, [
      cause.invalid('metadata.uid', uid, 'field is immutable'),
    ]);
  }
  const {
    namespace,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
    finalizers = [],
  } = current.metadata;
  if (deletionTimestamp !== undefined) {
    const added = (object.metadata.finalizers ?? []).filter((each) => !finalizers.includes(each));
    if (added.length > 0) {
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => `"${each}"`).join(', ')}}`;
      throw invalid(kindOf(type), current.metadata.name, [cause.forbidden('metadata.finalizers', why)]);
    }
  }
  const metadata: ObjectMeta = { ...object.metadata, name: current.metadata.name };
  dropEmpty(metadata);
  const kept = {
    uid: current.metadata.uid,
    namespace,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    generation,
  };
  for (const [key, value] of Object.entries(kept)) {
    if (value === undefined) delete metadata[key as keyof ObjectMeta];
    else Object.assign(metadata, { [key]: value });
  }
  object.metadata = metadata;
}

/** Everything but metadata and status: what a generation counts. */
function countedPart(object: KubeObject): Fields {
  const { metadata: _, status: __, ...rest } = object;
  return rest;
}

function store(
  machine: Machine,
  { type, subresource }: Target,
  current: KubeObject,
  object: KubeObject,
  options: WriteOptions,
  applied: ObjectMeta['managedFields'],
): KubeObject {
  if (type.counted && !sameJson(countedPart(object), countedPart(current))) {
    object.metadata.generation = (current.metadata.generation ?? 0) + 1;
  }
  object.metadata.resourceVersion = current.metadata.resourceVersion ?? '';
  const time = seconds(machine.now());
  const manager = { name: options.manager, time, ...(subresource === undefined ? {} : { subresource }) };
  const { managedFields: _, ...before } = current.metadata;
  const { managedFields: __, ...after } = object.metadata;
  const same = sameJson({ ...object, metadata: after }, { ...current, metadata: before });
  // A write that changes nothing is not stored: the resourceVersion stays.
  if (same && (applied === undefined || sameJson(applied, current.metadata.managedFields))) return current;
  object.metadata.managedFields = applied ?? afterUpdate(type, current, object, manager);
  if (options.dryRun) return object;
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (
    deletionTimestamp !== undefined &&
    finalizers.length === 0 &&
    type.kind !== 'Pod' &&
    type.kind !== 'Namespace'
  ) {
    machine.store.drop(type, object.metadata.namespace, object.metadata.name);
    return object;
  }
  return machine.store.save(type, object);
}
