/** The contract of a tool: data, and two pure steps. See docs/architecture.md. */
import { z } from 'zod';
import type { KubeGateway } from '../kube/gateway.ts';
import type { Effect } from '../policy/effect.ts';
import type { ChangePlan, Outcome, WrittenObject } from './change-plan.ts';
import type { Fence } from './fence.ts';
import type { Permission } from './permission.ts';
import type { ToolSettings } from './settings.ts';

/** Groups of tools that an installation can switch on and off. */
export const toolsets = ['clusters', 'roles', 'databases'] as const;
export type Toolset = (typeof toolsets)[number];

/** The namespace that a call really uses, and why. */
export interface ResolvedNamespace {
  name: string;
  source: 'argument' | 'service account' | 'kubeconfig context' | 'configuration' | 'built-in default';
}

/** What a tool is given. `kube` answers only what the tool's permissions declare. */
export interface ToolContext {
  kube: KubeGateway;
  namespace: ResolvedNamespace;
  settings: ToolSettings;
  /** Whether this caller may list the clusters of all namespaces at once: a hint must not suggest what is refused. */
  mayLookEverywhere: boolean;
  /** The pattern by which the server's configuration protects clusters of this name, if one does. */
  protectingPattern(cluster: string): string | undefined;
  signal: AbortSignal;
  /** Marks text that strangers can write as data. One per answer. */
  fence: Fence;
  /** Tells the caller how far a long call is. Cheap; repeated messages are dropped. */
  progress(message: string, done?: number, total?: number): void;
  now(): Date;
}

interface ToolBase<Input extends z.ZodObject, Output extends z.ZodObject> {
  name: string;
  title: string;
  description: string;
  toolset: Toolset;
  input: Input;
  output: Output;
  permissions: readonly Permission[];
  /** What the cluster must serve for the tool to make sense. */
  requires?: { kind: string; operator?: string };
  /** Repeating the call changes nothing more. */
  idempotent?: boolean;
  /** Argument that names the PostgreSQL cluster, for protection by name. */
  clusterArgument?: string;
  /** Argument that names the role or database that the call is about, for the audit; without it that is the cluster. */
  objectArgument?: string;
}

/** Output of a read tool, and how a list in it goes on when the answer would be too long. */
export interface ReadResult<Output> {
  output: Output;
  list?: {
    /** Key of the list in `output`. */
    field: keyof Output & string;
    /** Cursor that continues with the item at this index. */
    cursorAt(index: number): string;
  };
}

export interface ReadTool<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject>
  extends ToolBase<Input, Output> {
  effect: 'read';
  read(context: ToolContext, input: z.output<Input>): Promise<ReadResult<z.input<Output>>>;
  /** The short text for people, from the parsed output. */
  text(
    output: z.output<Output>,
    input: z.output<Input>,
    context: Pick<ToolContext, 'mayLookEverywhere'>,
  ): string;
}

export interface WriteTool<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
  // biome-ignore lint/suspicious/noExplicitAny: the catalogue holds tools with facts of different types
  Facts = any,
> extends ToolBase<Input, Output> {
  effect: Exclude<Effect, 'read'>;
  /** Name of the boolean argument that the reference system asks for before it destroys. */
  confirmFlag?: 'confirm' | 'confirm_deletion';
  plan(context: ToolContext, input: z.output<Input>): Promise<ChangePlan<Facts>>;
  /**
   * Watches what became of the change; without it the outcome is `done` as soon as the API server accepted every step.
   * `written`: what the last write to an object of that kind has returned.
   */
  observe?(
    context: ToolContext,
    plan: ChangePlan<Facts>,
    input: z.output<Input>,
    written: WrittenObject,
  ): Promise<Outcome<z.input<Output>>>;
  /** Text after the outcome, for people: where to find the password, how to connect. */
  text?(result: z.output<Output>, input: z.output<Input>, plan: ChangePlan<Facts>): string;
}

export type Tool = ReadTool | WriteTool;

/** Defines a read tool; the types of `read` and `text` follow from the schemas. */
export function defineReadTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Omit<ReadTool<Input, Output>, 'effect'>,
): ReadTool {
  return { ...tool, effect: 'read' } as unknown as ReadTool;
}

/**
 * Defines a writing tool. `dry_run` is added to its input, and for `confirmFlag` tools the flag, `confirm_name` and
 * `confirm_token`: the pipeline handles them, the tool never sees them decide anything.
 */
export function defineTool<Input extends z.ZodObject, Output extends z.ZodObject, Facts>(
  tool: WriteTool<Input, Output, Facts>,
): WriteTool {
  const extra: Record<string, z.ZodType> = {
    dry_run: z.boolean().default(false).describe('Show the plan only.'),
  };
  if (tool.confirmFlag) {
    extra[tool.confirmFlag] = z.boolean().default(false).describe('To go ahead, with the next two.');
    extra.confirm_name = z.string().max(253).optional().describe('What is deleted, typed by a person.');
    extra.confirm_token = z.string().max(4096).optional().describe('From the first answer.');
  }
  return { ...tool, input: z.strictObject({ ...tool.input.shape, ...extra }) } as unknown as WriteTool;
}
