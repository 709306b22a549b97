/** One tool against the simulated cluster, through the real gateway and the real pipeline. */
import type { JsonSchemaValidator } from '@modelcontextprotocol/sdk/validation';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../e2e/simulator/index.ts';
import { createGateway } from '../src/kube/client-node/index.ts';
import type { KubeGateway } from '../src/kube/gateway.ts';
import { ConfirmationSealer } from '../src/policy/confirmation.ts';
import type { Policy } from '../src/policy/decide.ts';
import { localPrincipal, type Principal } from '../src/policy/principal.ts';
import type { ToolCall, ToolCallResult } from '../src/tools/call.ts';
import type { Tool } from '../src/tools/define-tool.ts';
import { describeTool } from '../src/tools/describe-tool.ts';
import { type AuditRecord, type PipelineParts, runTool } from '../src/tools/pipeline.ts';
import { defaultToolSettings, type ToolSettings } from '../src/tools/settings.ts';

/** An answer; `structured` is always there, so that assertions can look into it. */
export type HarnessAnswer = Omit<Extract<ToolCallResult, { kind: 'answer' }>, 'structured'> & {
  // biome-ignore lint/suspicious/noExplicitAny: assertions look into whatever a tool answers
  structured: any;
};

export interface Harness {
  simulator: Simulator;
  kube: KubeGateway;
  audits: AuditRecord[];
  /** What the pipeline works with. */
  parts: PipelineParts;
  /** Calls the tool as a client without a way to ask its user would. */
  call(
    tool: Tool,
    args: Record<string, unknown>,
    as?: { principal?: Principal } & Partial<Pick<ToolCall, 'signal' | 'answer' | 'progress'>>,
  ): Promise<HarnessAnswer>;
  /** First call, then the second with the confirmation that the first one asked for. */
  confirmed(tool: Tool, args: Record<string, unknown>): Promise<HarnessAnswer>;
  close(): Promise<void>;
}

export interface HarnessOptions extends SimulatorOptions {
  settings?: Partial<ToolSettings>;
  policy?: Partial<Policy>;
  confirmation?: PipelineParts['confirmation'];
}

/** Starts a simulator (100 times faster than a real operator, unless told otherwise) and a pipeline on it. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { settings, policy, confirmation = 'token', ...simulatorOptions } = options;
  const simulator = await startSimulator({ speed: 100, ...simulatorOptions });
  const kube = createGateway({ kubeconfigText: simulator.kubeconfig });
  const audits: AuditRecord[] = [];
  const parts: PipelineParts = {
    kube,
    settings: { ...defaultToolSettings, ...settings },
    policy: { readOnly: false, noDestroy: false, ...policy },
    sealer: new ConfirmationSealer(),
    confirmation,
    audit: (record) => audits.push(record),
  };
  let requests = 0;
  const call: Harness['call'] = async (tool, args, as = {}) => {
    requests += 1;
    const result = await runTool(
      tool,
      {
        tool: tool.name,
        arguments: args,
        principal: as.principal ?? localPrincipal,
        requestId: `test-${requests}`,
        signal: as.signal ?? AbortSignal.timeout(60_000),
        canAsk: false,
        ...(as.answer && { answer: as.answer }),
        ...(as.progress && { progress: as.progress }),
      },
      parts,
    );
    if (result.kind !== 'answer') throw new Error('A client that cannot ask was asked.');
    checkAsClient(tool, args, result);
    return { ...result, structured: result.structured ?? {} };
  };
  return {
    simulator,
    kube,
    audits,
    parts,
    call,
    async confirmed(tool, args) {
      const first = await call(tool, args);
      const confirmation = first.structured.confirmation as
        | { confirm_name: string; confirm_token: string }
        | undefined;
      if (!confirmation) throw new Error(`No confirmation was asked for: ${first.text}`);
      const flag = 'confirmFlag' in tool && tool.confirmFlag ? { [tool.confirmFlag]: true } : {};
      const { confirm_name, confirm_token } = confirmation;
      return call(tool, { ...args, ...flag, confirm_name, confirm_token });
    },
    async close() {
      await kube.close();
      await simulator.close();
    },
  };
}

const validator = new AjvJsonSchemaValidator();
const checks = new Map<string, JsonSchemaValidator<unknown>>();

/** What a value has against a schema, as the official client finds it; `undefined`: nothing. */
function objection(schema: Record<string, unknown>, value: unknown): string | undefined {
  const key = JSON.stringify(schema);
  const check = checks.get(key) ?? validator.getValidator(schema);
  checks.set(key, check);
  return check(value).errorMessage;
}

/**
 * Clients hold arguments and answers to what is listed. Fails the test when the tool accepts arguments that its advertised
 * schema refuses, or answers what its advertised schema refuses, errors included.
 */
function checkAsClient(
  tool: Tool,
  args: Record<string, unknown>,
  { error, structured }: Extract<ToolCallResult, { kind: 'answer' }>,
): void {
  const { inputSchema, outputSchema } = describeTool(tool);
  const refused = error?.code === 'invalid_arguments' ? undefined : objection(inputSchema, args);
  if (refused) throw new Error(`${tool.name} accepts what it is not listed to accept: ${refused}`);
  const unlike = objection(outputSchema, structured);
  if (unlike) throw new Error(`${tool.name} answers otherwise than it is listed to: ${unlike}`);
}
