/**
 * What both protocol generations serve, without a word of protocol: tools, and optionally prompts and resources. The
 * product's own surface is made from the tool registry; conformance tests mount another one on the same adapters.
 */

import type { Tightening } from '../policy/decide.ts';
import type { Identity } from '../policy/principal.ts';
import type { ToolCallResult, ToolDescription } from '../tools/call.ts';

/** Who asks, as the transport established it. */
export interface Caller extends Identity {
  tightening?: Tightening;
  /** The client can put a question to its user in the middle of this request. */
  canAsk: boolean;
  requestId: string;
  traceparent?: string;
}

/** One request while it runs. */
export interface RequestContext extends Caller {
  signal: AbortSignal;
  /** Present when the client asked for progress. */
  progress?: (message: string, done?: number, total?: number) => void;
  /** Present when the client asked for log messages. */
  log?: (level: 'debug' | 'info' | 'warning' | 'error', data: unknown) => void;
}

/** A person's answer to the question with this key. */
export interface InputAnswer {
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, unknown>;
}

/** A content block exactly as MCP defines it (text, image, audio, resource, resource_link). */
export type ContentBlock = { type: string } & Record<string, unknown>;

/** What a tool, prompt or resource may answer besides a {@link ToolCallResult}: raw content, or questions to the user. */
export type SurfaceResult =
  | ToolCallResult
  | { kind: 'content'; content: ContentBlock[]; structured?: unknown; isError?: boolean }
  | {
      kind: 'input';
      /** Requests by key, each a complete `elicitation/create` (or other) request of MCP. */
      requests: Record<string, { method: string; params: Record<string, unknown> }>;
      state?: string;
    };

/** Answers of a second round, and the state that the question carried. */
export interface Answers {
  responses: Record<string, unknown>;
  state?: string;
}

export interface ToolSurface {
  list(caller: Caller): readonly ToolDescription[] | Promise<readonly ToolDescription[]>;
  /** Throws ToolError `unknown_tool` for a name that is not there. */
  call(name: string, args: unknown, context: RequestContext, answers?: Answers): Promise<SurfaceResult>;
  /** Told of a call that is refused without being made, because its message is malformed: see refused-call.ts. */
  refused?(name: string | undefined, caller: Omit<Caller, 'canAsk'>): void;
}

export interface ResourceDescription {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
}

export interface ResourceTemplateDescription extends Omit<ResourceDescription, 'uri'> {
  uriTemplate: string;
}

export interface ResourceContents {
  uri: string;
  mimeType?: string;
  text?: string;
  blob?: string;
}

/** The lists whose changes can be told. */
export type ListKind = 'tools' | 'prompts' | 'resources';

/** Something that somebody is told of for as long as it is watched. */
export interface Watched {
  end(): void;
  /** Whether this caller may be told of it: the policy, asked again. Pure and cheap. */
  allows(caller: Pick<Caller, 'principal' | 'tightening'>): boolean;
}

export interface WatchedLists extends Watched {
  /** Those of which this caller will be told; the others it may not see at all. */
  lists: readonly ListKind[];
}

export interface ResourceSurface {
  list(caller: Caller, cursor?: string): Promise<{ items: ResourceDescription[]; nextCursor?: string }>;
  templates(caller: Caller): Promise<ResourceTemplateDescription[]>;
  /** Throws ToolError `not_found` for an unknown resource. */
  read(uri: string, context: RequestContext): Promise<ResourceContents[]>;
  /**
   * Calls `changed` whenever what `read` answers may have changed, at most once a second. Throws ToolError `not_found`,
   * `policy_denied` or `too_many_requests` when it cannot be watched.
   */
  subscribe?(uri: string, caller: Caller, changed: () => void): Promise<Watched>;
  /** Calls `changed` when one of these lists may have changed (a kind appeared, rights changed). */
  onListChanged?(caller: Caller, lists: readonly ListKind[], changed: (what: ListKind) => void): WatchedLists;
}

export interface PromptDescription {
  name: string;
  title?: string;
  description?: string;
  arguments?: { name: string; description?: string; required?: boolean }[];
}

/** A prompt with its arguments filled in. */
export interface PromptMessages {
  description?: string;
  messages: { role: 'user' | 'assistant'; content: ContentBlock }[];
}

export interface PromptSurface {
  list(caller: Caller): Promise<PromptDescription[]>;
  /** Throws ToolError `not_found` for an unknown prompt. May ask its questions first, like a tool. */
  get(
    name: string,
    args: Record<string, string>,
    context: RequestContext,
    answers?: Answers,
  ): Promise<PromptMessages | Extract<SurfaceResult, { kind: 'input' }>>;
}

/** Completion of a prompt argument or of a variable of a resource template. */
export type Complete = (
  ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string },
  argument: { name: string; value: string },
  given: Record<string, string>,
  caller: Caller,
) => Promise<{ values: string[]; total?: number; hasMore?: boolean }>;

/**
 * Looks at a request before it is worked on: which scopes it lacks, where others would let it through. Pure and cheap.
 * `method` and `params` are as they came in, of either generation.
 */
export type StepUpCheck = (
  method: string,
  params: Readonly<Record<string, unknown>>,
  caller: Pick<Caller, 'principal' | 'tightening'>,
) => { scopes: readonly string[]; reason: string } | undefined;

/** Everything that an adapter serves. */
export interface McpSurface {
  info: { name: string; title: string; version: string };
  instructions: string;
  tools: ToolSurface;
  resources?: ResourceSurface;
  prompts?: PromptSurface;
  complete?: Complete;
  stepUp?: StepUpCheck;
}
