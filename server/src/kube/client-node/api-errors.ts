/** Turns what the API server answers into a {@link ToolError}. The sentence is ours; its text goes into `details.quoted`. */
import { type ErrorCode, ToolError, type ToolErrorOptions } from '../../errors.ts';
import type { ResourceType } from '../resources.ts';
import { retryAfterOf } from './retry.ts';

/** What a request is about, for messages. */
export interface Subject {
  verb: 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';
  type: ResourceType;
  subresource?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
  /** A JSON patch with `test` steps: the API server does not say that it was one of them that failed. */
  guarded?: boolean;
  /** The continuation of a list. */
  continued?: boolean;
}

/** A complete answer with a status of 400 or more. */
export interface FailedAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

interface Status {
  message: string;
  reason: string;
  name: string;
  kind: string;
  causes: readonly { reason?: string; message?: string; field?: string }[];
  /** False for a page that is no Status object: a proxy's, or the API server's "404 page not found". */
  genuine: boolean;
}

const cnpgGroup = 'postgresql.cnpg.io';
const maxQuoted = 2000;
const maxFields = 20;

/** `Database "app" in namespace "orders"`, `all Clusters`, `log of Pod "pg-1" in namespace "orders"`. */
export function nameOf(subject: Subject): string {
  const { type, subresource, namespace, name } = subject;
  const where = namespace === undefined ? '' : ` in namespace "${namespace}"`;
  const object = name === undefined ? `${type.kind} objects` : `${type.kind} "${name}"`;
  return `${subresource === undefined ? '' : `the ${subresource} of `}${object}${where}`;
}

/**
 * Maps a failed answer. `served` are the plural names of the CNPG kinds that the cluster offers, when they are known: they
 * tell a missing operator from an old one, and both from a missing right.
 */
export function apiError(subject: Subject, answer: FailedAnswer, served?: ReadonlySet<string>): ToolError {
  const status = parseStatus(answer.text);
  const fail = (code: ErrorCode, message: string, options: ToolErrorOptions = {}): ToolError =>
    new ToolError(code, message, {
      api: { status: answer.status, ...(status.reason !== '' && { reason: status.reason }) },
      ...options,
      details: { ...options.details, ...quoted(subject, answer.status, status) },
    });
  const denier = denierOf(status);
  if (denier !== undefined) {
    return fail('forbidden', `The ${denier} refused to ${subject.verb} ${nameOf(subject)}.`, {
      hint: 'Ask whoever keeps it, or change what it objects to; its own words, where they can be shown, are quoted.',
    });
  }
  switch (answer.status) {
    case 400:
    case 422:
      return refusedObject(subject, status, fail);
    case 401:
      return fail('not_authenticated', 'The API server did not accept the credentials of this server.');
    case 403:
      return forbidden(subject, status, fail, served);
    case 404:
      return notFound(subject, status, fail, served);
    case 409:
      return conflict(subject, status, fail);
    case 410:
      return fail('conflict', `The list of ${nameOf(subject)} is too old to be continued.`, {
        hint: 'Start again without the continuation token.',
      });
    case 429: {
      const retryAfterSeconds = retryAfterOf(answer.headers);
      return fail('too_many_requests', 'The API server has too much to do.', {
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      });
    }
    default:
      return serverError(subject, answer.status, status, fail);
  }
}

/**
 * Which admission policy or webhook of the site refused a request, in words. Either may answer any status, 400 and 409 among
 * them, and need not say what the request was about. The operator's webhooks name the fields that they refuse.
 */
function denierOf({ message, causes }: Status): string | undefined {
  const policy =
    /^[^']*ValidatingAdmissionPolicy '([\w.-]{1,253})' with binding '[\w.-]+' denied request/.exec(
      message,
    )?.[1];
  if (policy !== undefined) return `admission policy ${policy}`;
  const webhook = /^admission webhook "([\w.-]{1,253})" denied the request/.exec(message)?.[1];
  return webhook !== undefined && causes.length === 0 ? `admission webhook ${webhook}` : undefined;
}

/** True when the kinds that the cluster serves decide what this answer means. */
export function needsServedKinds(subject: Subject, answer: FailedAnswer): boolean {
  if (subject.type.group !== cnpgGroup) return false;
  return answer.status === 403 || (answer.status === 404 && parseStatus(answer.text).name === '');
}

type Fail = (code: ErrorCode, message: string, options?: ToolErrorOptions) => ToolError;

function refusedObject(subject: Subject, status: Status, fail: Fail): ToolError {
  const changed = `${nameOf(subject)} is not what it was when this change was made.`;
  // Kubernetes 1.36 answers any JSON patch that cannot be applied, failed tests included, with one sentence and no details.
  if (subject.guarded && status.causes.length === 0 && status.kind === '') return fail('conflict', changed);
  // A merge patch with another uid, which is how "only this very object" is said there.
  if (subject.verb === 'patch' && status.causes.some(({ field }) => field === 'metadata.uid')) {
    return fail('conflict', `${nameOf(subject)} was deleted and made again by somebody else.`);
  }
  if (subject.continued) {
    return fail('conflict', `The list of ${nameOf(subject)} cannot be continued with this token.`, {
      hint: 'Start again without the continuation token.',
    });
  }
  if (subject.subresource === 'log') {
    return fail('not_found', `There is no such log: ${nameOf(subject)}.`, {
      hint: 'Check the container, and whether it has started (or, for the previous log, restarted) yet.',
    });
  }
  const fields = fieldsOf(status);
  const which = fields.length === 0 ? '' : `: ${fields.join(', ')}`;
  return fail('invalid_object', `The cluster refused to ${subject.verb} ${nameOf(subject)}${which}.`, {
    ...(fields.length > 0 && { details: { fields } }),
    ...(status.message.includes("Can't set fixed configuration parameter") && {
      hint: 'The operator sets this itself: leave it out.',
    }),
  });
}

/** Paths of the fields that were refused, as far as they look like paths and not like values. */
function fieldsOf(status: Status): string[] {
  const unknown = [...status.message.matchAll(/unknown field "([^"]{1,200})"/g)].map(
    (match) => match[1] ?? '',
  );
  const named = status.causes.map(({ field }) => field ?? '').filter((field) => field !== 'patch');
  const paths = [...unknown, ...named].filter((field) => /^[A-Za-z][\w.[\]/-]{0,200}$/.test(field));
  return [...new Set(paths)].slice(0, maxFields);
}

const denial =
  /User "([^"]*)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?/;

function forbidden(
  subject: Subject,
  status: Status,
  fail: Fail,
  served: ReadonlySet<string> | undefined,
): ToolError {
  // Authorization comes before the question whether there is such a kind.
  if (served && subject.type.group === cnpgGroup && !served.has(subject.type.plural)) {
    return missingKind(subject, fail, served);
  }
  if (status.causes.some(({ reason }) => reason === 'NamespaceTerminating')) {
    return fail('conflict', `Namespace "${subject.namespace}" is being deleted; nothing can be made there.`, {
      hint: 'Wait until it is gone and make it again, or use another namespace.',
    });
  }
  const [, identity = '', verb = '', path = '', group = '', namespace] = denial.exec(status.message) ?? [];
  if (identity === 'system:anonymous') {
    return fail('not_authenticated', 'The API server was asked without credentials.');
  }
  if (identity === '') {
    return fail('forbidden', `The cluster refused to ${subject.verb} ${nameOf(subject)}.`, {
      hint: 'An admission policy or a quota refused it; its own words are in the details.',
    });
  }
  const [resource = '', subresource] = path.split('/');
  const where = namespace === undefined ? 'in the whole cluster' : `in namespace "${namespace}"`;
  const target = group === '' ? path : `${path}.${group}`;
  return fail('forbidden', `${identity} may not ${verb} ${target} ${where}.`, {
    missingRight: {
      verb,
      group,
      resource,
      identity,
      ...(subresource !== undefined && { subresource }),
      ...(namespace !== undefined && { namespace }),
      ...(status.name !== '' && { name: status.name }),
    },
  });
}

function notFound(
  subject: Subject,
  status: Status,
  fail: Fail,
  served: ReadonlySet<string> | undefined,
): ToolError {
  if (status.kind === 'namespaces' && subject.type.plural !== 'namespaces') {
    return fail('namespace_not_found', `There is no namespace "${status.name}".`);
  }
  if (status.genuine && status.name !== '')
    return fail('not_found', `There is no ${nameOf({ ...subject, subresource: undefined })}.`);
  return missingKind(subject, fail, served);
}

function missingKind(subject: Subject, fail: Fail, served: ReadonlySet<string> | undefined): ToolError {
  const { type } = subject;
  if (type.group !== cnpgGroup) {
    return fail(
      'not_supported',
      `This cluster does not serve ${type.plural} of ${type.group || 'the core API'}.`,
    );
  }
  if (served === undefined || served.size === 0) {
    return fail('operator_missing', 'The CloudNativePG operator is not installed in this cluster.');
  }
  return fail('not_supported', `The operator of this cluster does not know the kind ${type.kind}.`, {
    hint: `Update the CloudNativePG operator to a version that has ${type.kind}.`,
  });
}

function conflict(subject: Subject, status: Status, fail: Fail): ToolError {
  if (status.reason === 'AlreadyExists') {
    const leaving = status.message.startsWith('object is being deleted');
    return fail(
      'already_exists',
      `${nameOf(subject)} exists already${leaving ? ', but it is being deleted' : ''}.`,
      leaving ? { hint: 'Wait until it is gone, then call again.' } : {},
    );
  }
  const fields = fieldsOf({ ...status, message: '' });
  return fail('conflict', `${nameOf(subject)} changed in the meantime; the ${subject.verb} was not done.`, {
    ...(fields.length > 0 && { details: { fields } }),
  });
}

function serverError(subject: Subject, code: number, status: Status, fail: Fail): ToolError {
  const webhook = /failed calling webhook "([\w.-]+)"/.exec(status.message)?.[1];
  if (webhook !== undefined) {
    return fail(
      'cluster_error',
      `The admission webhook ${webhook} does not answer, so nothing can be written.`,
      {
        hint: 'Check that the pods of the operator run, then call again.',
      },
    );
  }
  if (subject.subresource === 'proxy') {
    return fail(
      'cluster_error',
      `The instance manager of ${nameOf({ ...subject, subresource: undefined })} does not answer.`,
      {
        hint: 'Check that the pod runs, then call again.',
      },
    );
  }
  return fail(
    'cluster_error',
    `The API server failed to ${subject.verb} ${nameOf(subject)}: status ${code}.`,
  );
}

function quoted(subject: Subject, code: number, status: Status): { quoted?: string } {
  if (status.message === '') return {};
  // What is wrong with a Secret may be shown by its values.
  if (subject.type.plural === 'secrets' && (code === 400 || code === 422)) return {};
  // A refused patch is quoted by the API server with the whole object; what is wrong with it comes last.
  const strict = status.message.lastIndexOf('strict decoding error: ');
  const text = strict === -1 ? status.message : status.message.slice(strict);
  return { quoted: text.length <= maxQuoted ? text : `${text.slice(0, maxQuoted)}…` };
}

function parseStatus(text: string): Status {
  const none: Status = { message: '', reason: '', name: '', kind: '', causes: [], genuine: false };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { ...none, message: text.trim() };
  }
  if (typeof body !== 'object' || body === null || (body as { kind?: unknown }).kind !== 'Status')
    return none;
  const { message, reason, details } = body as { message?: unknown; reason?: unknown; details?: unknown };
  const { name, kind, causes } = (details ?? {}) as { name?: unknown; kind?: unknown; causes?: unknown };
  const string = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    message: string(message),
    reason: string(reason),
    name: string(name),
    kind: string(kind),
    causes: Array.isArray(causes) ? causes : [],
    genuine: true,
  };
}
