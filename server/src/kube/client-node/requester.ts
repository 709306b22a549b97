/** Sends requests to the API server: authenticates, repeats what may be repeated, and turns failures into errors. */
import type { Dispatcher } from 'undici';
import { ToolError } from '../../errors.ts';
import type { Impersonation } from '../gateway.ts';
import { apiError, needsServedKinds, type Subject } from './api-errors.ts';
import type { Connection, Session } from './connection.ts';
import type { Deadline } from './deadline.ts';
import { isBrokenConnection, isTlsProblem, networkCode, unreachable } from './network-errors.ts';
import { isPassing, maxAttempts, retryDelayMs } from './retry.ts';

export interface ApiRequest {
  subject: Subject;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  contentType?: string;
  /** May be repeated although the first one may have been carried out. */
  idempotent: boolean;
  /** Longest answer in bytes; {@link defaultMaxBytes} when omitted. */
  maxBytes?: number;
}

/** An answer with a status below 300, or 404 to the repetition of a deletion whose first answer was lost. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
}

/** One exchange with the API server, for metrics. `status` is 0 when there was no answer. */
export interface RequestReport {
  verb: string;
  /** Plural name, with the subresource after a slash. */
  resource: string;
  status: number;
  durationSeconds: number;
}

type Headers = Record<string, string | string[] | undefined>;
type Body = Dispatcher.ResponseData['body'];

export interface RequesterOptions {
  onRequest?: ((report: RequestReport) => void) | undefined;
  userAgent: string;
  /** Which CNPG kinds the cluster serves; undefined when that cannot be told. */
  servedKinds(deadline: Deadline): Promise<ReadonlySet<string> | undefined>;
}

/** Far above a page of 500 clusters, and low enough to survive a misbehaving server. */
const defaultMaxBytes = 64 * 2 ** 20;

export class Requester {
  readonly #connection: Connection;
  readonly #options: RequesterOptions;
  readonly #identity: Impersonation | undefined;

  constructor(connection: Connection, options: RequesterOptions, identity?: Impersonation) {
    this.#connection = connection;
    this.#options = options;
    this.#identity = identity;
  }

  /** The same connections and credentials, acting as somebody else. */
  as(identity: Impersonation): Requester {
    return new Requester(this.#connection, this.#options, identity);
  }

  /** The whole answer of a request that succeeded; throws for everything else. */
  async send(request: ApiRequest, deadline: Deadline): Promise<ApiAnswer> {
    return this.#repeat(request, deadline, false, async ({ statusCode, headers, body }) => ({
      status: statusCode,
      headers,
      text: await readText(body, request.maxBytes ?? defaultMaxBytes),
    }));
  }

  /** The body of an answer as it comes in. The caller ends it, by reading it up or by destroying it. */
  async open(request: ApiRequest, deadline: Deadline): Promise<Body> {
    return this.#repeat(request, deadline, true, async ({ body }) => body);
  }

  async #repeat<T>(
    request: ApiRequest,
    deadline: Deadline,
    watch: boolean,
    take: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    let renewed = false;
    for (let attempt = 0; ; attempt += 1) {
      const session = await deadline.during(this.#connection.session());
      // Of a repeated deletion, "not found" says that the one before was carried out and only its answer was lost.
      const succeeded = (status: number): boolean =>
        status < 300 || (status === 404 && attempt > 0 && request.method === 'DELETE');
      const outcome = await this.#attempt(request, deadline, session, watch, succeeded, take);
      if ('value' in outcome) return outcome.value;
      deadline.throwIfOver();
      if (outcome.renew !== undefined && !renewed) {
        renewed = true;
        if (this.#connection.renew(session, outcome.renew) && outcome.untouched) continue;
      }
      const delay = retryDelayMs(attempt, outcome.error.retryAfterSeconds);
      const over = attempt + 1 >= maxAttempts || delay >= deadline.remainingMs;
      if (over || !outcome.passing || !request.idempotent) throw outcome.error;
      await deadline.pause(delay);
    }
  }

  async #attempt<T>(
    request: ApiRequest,
    deadline: Deadline,
    session: Session,
    watch: boolean,
    succeeded: (status: number) => boolean,
    take: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<{ value: T } | Failure> {
    const started = performance.now();
    let status = 0;
    try {
      const dispatcher = watch ? session.watches : session.requests;
      const response = await dispatcher.request({
        origin: session.origin,
        path: session.prefix + request.path,
        method: request.method,
        headers: this.#headers(request, session),
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: deadline.signal,
      });
      status = response.statusCode;
      if (succeeded(status)) return { value: await take(response) };
      const text = await readText(response.body, defaultMaxBytes);
      return this.#refused(request, deadline, { status, headers: response.headers, text });
    } catch (thrown) {
      if (deadline.error) throw deadline.error;
      if (thrown instanceof ToolError) throw thrown;
      return broken(session, networkCode(thrown), status);
    } finally {
      this.#report(request, status, started);
    }
  }

  async #refused(
    request: ApiRequest,
    deadline: Deadline,
    answer: { status: number; headers: Headers; text: string },
  ): Promise<Failure> {
    const { subject } = request;
    const served = needsServedKinds(subject, answer) ? await this.#options.servedKinds(deadline) : undefined;
    const error = apiError(subject, answer, served);
    // A pod that does not answer would not answer a moment later: the API server has waited for it already.
    const passing = isPassing(answer.status) && !(subject.subresource === 'proxy' && answer.status !== 429);
    if (error.code !== 'not_authenticated') return { error, passing };
    return { error, passing, renew: 'credentials', untouched: true };
  }

  #headers(request: ApiRequest, session: Session): Record<string, string | string[]> {
    const identity = this.#identity ?? session.impersonation;
    return {
      ...session.headers,
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...(request.body !== undefined && { 'content-type': request.contentType ?? 'application/json' }),
      ...(identity && { 'impersonate-user': identity.user, 'impersonate-group': [...identity.groups] }),
    };
  }

  #report(request: ApiRequest, status: number, started: number): void {
    const { verb, type, subresource } = request.subject;
    this.#options.onRequest?.({
      verb,
      resource: subresource === undefined ? type.plural : `${type.plural}/${subresource}`,
      status,
      durationSeconds: (performance.now() - started) / 1000,
    });
  }
}

interface Failure {
  error: ToolError;
  /** It may work in a moment. */
  passing: boolean;
  /** Reading the configuration again may help, and for `credentials` a new run of the credential plugin. */
  renew?: 'configuration' | 'credentials';
  /** The API server certainly did nothing. */
  untouched?: boolean;
}

function broken(session: Session, code: string, status: number): Failure {
  const error = unreachable(session.origin, code);
  // The certificate authority may have been replaced: the connection was never made, so anything may be sent again.
  if (isTlsProblem(code)) return { error, passing: false, renew: 'configuration', untouched: true };
  return { error, passing: status > 0 || isBrokenConnection(code), renew: 'configuration' };
}

/** Reads the body as text. Throws `cluster_error` when it is longer than `maxBytes`. */
async function readText(body: Body, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ToolError('cluster_error', `The API server sent an answer of more than ${maxBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString('utf8');
}
