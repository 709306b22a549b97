/** Errors in the API server's own words: every function makes the Status that Kubernetes 1.36 answers. */

import type { Fields } from '../types.ts';

export interface StatusCause {
  reason: string;
  message: string;
  field: string;
}

/** What a Status says about a resource: its plural and group. */
export interface ResourceName {
  group: string;
  plural: string;
}

/** What a Status says about a kind. */
interface KindName {
  group: string;
  kind: string;
}

/** A request that failed: carries the Status object and the HTTP status to answer. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Fields | undefined;
  /** Fields of the Status's own metadata: an expired list carries a new continue token there. */
  readonly metadata: Fields;
  /** Warnings that go into the headers next to the refusal. */
  warnings: string[] = [];

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: Fields,
    metadata: Fields = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.metadata = metadata;
  }

  /** The Status object as it goes over the wire. */
  get status(): Fields {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

/** `clusters.postgresql.cnpg.io`, or just `pods` in the core group. */
function qualified(resource: ResourceName): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function details(name: string, group: string, kind: string, more: Fields = {}): Fields {
  return {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    ...more,
  };
}

export function notFound(resource: ResourceName, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" not found`;
  return new ApiError(404, 'NotFound', message, details(name, resource.group, resource.plural));
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, details(name, resource.group, resource.plural));
}

/** A write that names a resourceVersion that is not the newest. */
export function modified(resource: ResourceName, name: string): ApiError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, details(name, resource.group, resource.plural));
}

/** A deletion whose precondition does not hold. The API server names the kind here, not the resource. */
export function preconditionFailed(kind: KindName, name: string, why: string): ApiError {
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const message = `Operation cannot be fulfilled on ${subject} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, details(name, kind.group, kind.kind));
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** `why` is the sentence after the colon. */
export function forbidden(
  resource: ResourceName,
  name: string,
  why: string,
  causes?: StatusCause[],
): ApiError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  const more = causes === undefined ? {} : { causes };
  return new ApiError(
    403,
    'Forbidden',
    `${subject} is forbidden: ${why}`,
    details(name, resource.group, resource.plural, more),
  );
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

/** An object that fails validation; one cause per field. */
export function invalid(kind: KindName, name: string, causes: readonly StatusCause[]): ApiError {
  const subject = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new ApiError(
    422,
    'Invalid',
    `${subject} "${name}" is invalid: ${list}`,
    details(name, kind.group, kind.kind, { causes: [...causes] }),
  );
}

/** A method that a path does not have. */
export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError(405, 'MethodNotAllowed', message, {});
}

/** A JSON patch that cannot be applied, a failed `test` included: the API server does not say which operation. */
export function patchRejected(): ApiError {
  return new ApiError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
}

export function expired(message: string, metadata: Fields = {}): ApiError {
  return new ApiError(410, 'Expired', message, undefined, metadata);
}

/** JSON of a value as the API server prints it in a message. */
function printed(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value);
}

export const cause = {
  required: (field: string, why = ''): StatusCause => ({
    reason: 'FieldValueRequired',
    message: why === '' ? 'Required value' : `Required value: ${why}`,
    field,
  }),
  invalid: (field: string, value: unknown, why: string): StatusCause => ({
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${printed(value)}: ${why}`,
    field,
  }),
  wrongType: (field: string, value: unknown, why: string): StatusCause => ({
    reason: 'FieldValueTypeInvalid',
    message: `Invalid value: ${printed(value)}: ${why}`,
    field,
  }),
  unsupported: (field: string, value: unknown, supported: readonly string[]): StatusCause => ({
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${printed(value)}: supported values: ${supported.map((each) => `"${each}"`).join(', ')}`,
    field,
  }),
  forbidden: (field: string, why: string): StatusCause => ({
    reason: 'FieldValueForbidden',
    message: `Forbidden: ${why}`,
    field,
  }),
  duplicate: (field: string, value: unknown): StatusCause => ({
    reason: 'FieldValueDuplicate',
    message: `Duplicate value: ${printed(value)}`,
    field,
  }),
};
