/** From the text of a request's body to an object of its kind: version and kind checked, pruned, defaulted. */

import { copy, isFields } from '../json.ts';
import { applyDefaults, prune } from '../schemas/schema.ts';
import type { Fields, KubeObject } from '../types.ts';
import { ApiError, badRequest, cause, invalid } from './api-error.ts';
import { normalise } from './built-in.ts';
import type { WriteOptions } from './machine.ts';
import { checkMetadataTypes } from './metadata.ts';
import { apiVersionOf, type ResourceType } from './resources.ts';

/** What Go's decoder says about a text that is no JSON. */
function decoderText(text: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined) return 'unexpected end of JSON input';
  const what = message.startsWith('Expected property name') ? 'object key string' : 'value';
  return `invalid character '${text[Number(position)]}' looking for beginning of ${what}`;
}

/** JSON of a request's body; throws 400 with the text of the API server's decoder. */
export function parseBody(type: ResourceType, text: string): Fields {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    const why = decoderText(text, error);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error: ${why} (${text.slice(0, 60)})`,
    );
  }
  if (!isFields(body)) throw badRequest(`the object provided is unrecognized (must be of type ${type.kind})`);
  return body;
}

/** Drops the fields at the top of Secrets and ConfigMaps that these do not have; other built-in kinds are taken as sent. */
function pruneBuiltIn(
  type: ResourceType,
  object: KubeObject,
  options: WriteOptions,
): { object: KubeObject; warnings: string[] } {
  const known = fieldsOf[type.kind];
  if (known === undefined) return { object, warnings: [] };
  const unknown = Object.keys(object).filter(
    (key) => !['apiVersion', 'kind', 'metadata', ...known].includes(key),
  );
  for (const key of unknown) delete object[key];
  const warnings = unknown.map((key) => `unknown field "${key}"`);
  if (warnings.length > 0 && options.fieldValidation === 'Strict') {
    const why = `strict decoding error: ${warnings.join(', ')}`;
    throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${why}`);
  }
  return { object, warnings: options.fieldValidation === 'Ignore' ? [] : warnings };
}

const fieldsOf: Record<string, string[]> = {
  Secret: ['data', 'stringData', 'type', 'immutable'],
  ConfigMap: ['data', 'binaryData', 'immutable'],
};

/** Checks kind and version, prunes unknown fields, fills in defaults. */
export function decode(
  type: ResourceType,
  body: Fields,
  options: WriteOptions,
  patched: boolean,
): { object: KubeObject; warnings: string[] } {
  const apiVersion = apiVersionOf(type);
  if (type.schema !== undefined && body.kind === undefined) {
    const text = JSON.stringify(body);
    throw badRequest(
      `the object provided is unrecognized (must be of type ${type.kind}): Object 'Kind' is missing in '${text}' (${text})`,
    );
  }
  if (body.apiVersion !== undefined && body.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${body.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  const named = isFields(body.metadata) && typeof body.metadata.name === 'string' ? body.metadata.name : '';
  if (body.kind !== undefined && body.kind !== type.kind) {
    if (type.schema === undefined) {
      throw badRequest(
        `${body.kind} in version "${type.version}" cannot be handled as a ${type.kind}: converting (${type.version}.${body.kind}) to (core.${type.kind}): unknown conversion`,
      );
    }
    throw invalid({ group: type.group, kind: String(body.kind) }, named, [
      cause.invalid('kind', body.kind, `must be ${type.kind}`),
    ]);
  }
  checkMetadataTypes(type, body);
  const object: KubeObject = {
    ...copy(body),
    apiVersion,
    kind: type.kind,
    metadata: { ...(body.metadata ?? {}) },
  };
  if (type.schema === undefined) return pruneBuiltIn(type, object, options);

  const { value, unknown } = prune(type.schema, object);
  const warnings = unknown.map((path) => `unknown field "${path}"`);
  if (warnings.length > 0 && options.fieldValidation === 'Strict') {
    const why = `strict decoding error: ${warnings.join(', ')}`;
    if (!patched) {
      throw badRequest(
        `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${why}`,
      );
    }
    throw invalid({ group: '', kind: '' }, '', [cause.invalid('patch', JSON.stringify(body), why)]);
  }
  const pruned = value as KubeObject;
  applyDefaults(type.schema, pruned);
  return { object: pruned, warnings: options.fieldValidation === 'Ignore' ? [] : warnings };
}

/** Like {@link decode}, but without defaults: what the client did not say is not applied. Unknown fields are refused. */
export function decodeApplied(type: ResourceType, body: Fields, options: WriteOptions): KubeObject {
  const { schema, ...rest } = type;
  const { object } = decode(rest, body, options, true);
  if (type.kind === 'Secret') normalise(type, object, object);
  if (schema === undefined) return object;
  const { value, unknown } = prune(schema, object);
  if (unknown.length > 0) {
    const { namespace = '', name } = object.metadata;
    const lines = unknown.map((path) => `.${path}: field not declared in schema`);
    const list = lines.length === 1 ? lines[0] : `errors:\n  ${lines.join('\n  ')}`;
    const subject = `${namespace}/${name}; ${apiVersionOf(type)}, Kind=${type.kind}`;
    throw new ApiError(500, undefined, `failed to create typed patch object (${subject}): ${list}`);
  }
  return value as KubeObject;
}

/** JSON of a patch; throws 400 with the text of the API server's decoder. */
export function parsePatch(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${decoderText(text, error)}`);
  }
}
