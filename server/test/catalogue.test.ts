/** What holds for every tool, whoever wrote it: walks the catalogue. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ToolError } from '../src/errors.ts';
import type { KubeGateway } from '../src/kube/gateway.ts';
import { createProductSurface } from '../src/mcp/product-surface.ts';
import { permissionTable } from '../src/permissions.ts';
import { ConfirmationSealer } from '../src/policy/confirmation.ts';
import { decide, type Policy } from '../src/policy/decide.ts';
import { effects } from '../src/policy/effect.ts';
import { localPrincipal, type Principal } from '../src/policy/principal.ts';
import { catalogue } from '../src/tools/catalog/index.ts';
import { type Tool, toolsets } from '../src/tools/define-tool.ts';
import { describeTool, jsonSchema } from '../src/tools/describe-tool.ts';
import { type PipelineParts, runTool } from '../src/tools/pipeline.ts';
import { createToolRegistry } from '../src/tools/registry.ts';
import { defaultToolSettings } from '../src/tools/settings.ts';
import { type Harness, startHarness } from './harness.ts';
import { exampleOf, examples } from './tool-examples.ts';

const tools = catalogue.map((tool) => ({ name: tool.name, tool }));
const writing = tools.filter(({ tool }) => tool.effect !== 'read');
const destroying = tools.filter(({ tool }) => tool.effect === 'destroy');

/** A cluster with a role and a database that the operator would drop. Nobody acts on it. */
const world = [
  {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Cluster',
    metadata: { name: 'orders', namespace: 'default' },
    spec: {
      instances: 3,
      imageName: 'ghcr.io/cloudnative-pg/postgresql:17',
      storage: { size: '1Gi' },
      managed: {
        roles: [
          { name: 'reporting', login: true },
          { name: 'intern', login: true },
        ],
      },
    },
    status: {
      phase: 'Cluster in healthy state',
      instances: 3,
      readyInstances: 3,
      currentPrimary: 'orders-1',
      targetPrimary: 'orders-1',
      instanceNames: ['orders-1', 'orders-2', 'orders-3'],
    },
  },
  {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { name: 'orders-invoices', namespace: 'default' },
    spec: {
      cluster: { name: 'orders' },
      name: 'invoices',
      owner: 'reporting',
      databaseReclaimPolicy: 'delete',
    },
    status: { applied: true },
  },
];

describe.each(tools)('$name', ({ name, tool }) => {
  const description = describeTool(tool);

  it('is as it was when somebody last looked at it', async () => {
    const { name: _name, ...rest } = description;
    const shown = JSON.stringify({ name, toolset: tool.toolset, effect: tool.effect, ...rest }, null, 2);
    await expect(`${shown}\n`).toMatchFileSnapshot(`snapshots/tools/${name}.json`);
  });

  it('says what it does: name, title, description, toolset', () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(tool.title).toMatch(/^[A-Z]/);
    expect(tool.description).toMatch(/^[A-Z].*\.$/s);
    expect(tool.description.length).toBeLessThanOrEqual(400);
    expect(toolsets).toContain(tool.toolset);
    expect(Object.keys(examples)).toContain(name);
  });

  it('has the annotations that follow from its effect', () => {
    expect(description.annotations).toEqual({
      readOnlyHint: tool.effect === 'read',
      destructiveHint: tool.effect === 'destroy',
      idempotentHint: tool.effect === 'read' || tool.idempotent === true,
      openWorldHint: false,
    });
  });

  it('bounds its input: every text, number, list and map has a limit, and no key is unknown', () => {
    expect(unbounded(jsonSchema(tool.input, 'input'))).toEqual([]);
  });

  it('may read whatever it may create, to find its own object after an answer that was lost', () => {
    const verbsOf = (resource: string): string[] =>
      tool.permissions.filter((right) => right.resource === resource).flatMap(({ verbs }) => verbs);
    for (const { resource, subresource } of tool.permissions.filter(({ verbs }) =>
      verbs.includes('create'),
    )) {
      // A review is no object: it is asked, not kept.
      if (subresource === undefined && !resource.endsWith('reviews'))
        expect(verbsOf(resource), resource).toContain('get');
    }
  });

  it('declares the rights that it uses, with a reason each', () => {
    expect(tool.permissions.length).toBeGreaterThan(0);
    for (const { verbs, because } of tool.permissions) {
      expect(verbs.length).toBeGreaterThan(0);
      expect(because).toMatch(/^\S.{10,}$/);
    }
    const writes = tool.permissions
      .flatMap(({ verbs }) => verbs)
      .filter((verb) => /create|patch|delete/.test(verb));
    if (tool.effect === 'read') expect(writes).toEqual([]);
    else expect(writes).not.toEqual([]);
  });

  it('names the closest argument for one that does not exist, before anything is asked of the cluster', async () => {
    const [known = ''] = Object.keys(tool.input.shape);
    const answer = await callWithoutCluster(tool, { ...exampleOf(tool), [`${known}e`]: 1 });
    expect(answer.text).toContain(`did you mean ${known}?`);
    expect(answer.error?.code).toBe('invalid_arguments');
  });

  it.each([[[]], ['text'], [7], [true]])('refuses %j instead of arguments', async (given) => {
    expect((await callWithoutCluster(tool, given)).error?.code).toBe('invalid_arguments');
  });

  it('may be called with its scope and with every greater one, and with no lesser one', () => {
    const policy = { readOnly: false, noDestroy: false };
    const question = { tool: name, toolset: tool.toolset, effect: tool.effect };
    for (const effect of effects) {
      const principal: Principal = { ...localPrincipal, grants: [{ effect, from: effect }] };
      const enough = effects.indexOf(effect) >= effects.indexOf(tool.effect);
      expect(decide(question, principal, policy).allowed).toBe(enough);
    }
  });
});

describe.each(writing)('$name, which writes', ({ name, tool }) => {
  it('is neither listed nor answered on a read-only server, and nothing is asked of the cluster', async () => {
    const policy: Policy = { readOnly: true, noDestroy: false };
    const registry = createToolRegistry(catalogue, partsWithoutCluster(policy));
    expect(registry.list(localPrincipal).map((listed) => listed.name)).not.toContain(name);
    const answer = await callWithoutCluster(tool, exampleOf(tool), policy);
    expect(answer.error?.code).toBe('policy_denied');
    expect(answer.isError).toBe(true);
  });

  it('has a dry run', () => {
    expect(tool.input.shape.dry_run).toBeDefined();
  });
});

describe.each(destroying)('$name, which destroys', ({ name, tool }) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness({ operator: false });
    for (const object of world) harness.simulator.state.put(object);
  });
  afterAll(() => harness.close());

  it('is neither listed nor answered where nothing may be destroyed', async () => {
    const policy: Policy = { readOnly: false, noDestroy: true };
    const registry = createToolRegistry(catalogue, partsWithoutCluster(policy));
    expect(registry.list(localPrincipal).map((listed) => listed.name)).not.toContain(name);
    expect((await callWithoutCluster(tool, exampleOf(tool), policy)).error?.code).toBe('policy_denied');
  });

  it('changes nothing at the first call, whatever flags are set, and says what must be given', async () => {
    harness.simulator.clearRequests();
    const flag = 'confirmFlag' in tool && tool.confirmFlag ? { [tool.confirmFlag]: true } : undefined;
    expect(flag).toBeDefined();
    for (const given of [exampleOf(tool), { ...exampleOf(tool), ...flag }]) {
      const answer = await harness.call(tool, given);
      expect(answer.structured).toMatchObject({
        state: 'confirmation_required',
        confirmation: { confirm_name: expect.any(String), confirm_token: expect.any(String) },
      });
    }
    const writes = harness.simulator.requests.filter(({ method }) => method !== 'GET');
    expect(writes.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('has every tool once, each in the order of its toolset', () => {
    const names = catalogue.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const order = catalogue.map(({ toolset }) => toolsets.indexOf(toolset));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('takes 1.25 kB of tools/list a tool on average: every client reads all of it', async () => {
    const registry = createToolRegistry(
      catalogue,
      partsWithoutCluster({ readOnly: false, noDestroy: false }),
    );
    const caller = { principal: localPrincipal, canAsk: false, requestId: 'size' };
    const listed = await createProductSurface(registry, '0.0.0').tools.list(caller);
    const bytes = Buffer.byteLength(JSON.stringify({ tools: listed }));
    expect(bytes / listed.length).toBeLessThanOrEqual(1250);
  });

  it('needs no right that is a wildcard, escalates, or opens a shell', () => {
    for (const { verb, resource, group } of permissionTable(catalogue)) {
      expect(['get', 'list', 'watch', 'create', 'patch', 'delete']).toContain(verb);
      expect(resource).not.toMatch(/\*|exec|attach|portforward|token/);
      expect(group).not.toBe('rbac.authorization.k8s.io');
    }
  });
});

/** A gateway that may only say its namespace: a call that asks it for more fails the test. */
const noCluster = new Proxy({} as KubeGateway, {
  get: (_target, method) => {
    if (method === 'defaultNamespace') return () => ({ name: 'default', source: 'built-in default' });
    return () => {
      throw new ToolError('cluster_error', `The cluster was asked: ${String(method)}.`);
    };
  },
});

function partsWithoutCluster(policy: Policy): PipelineParts {
  return {
    kube: noCluster,
    settings: defaultToolSettings,
    policy,
    sealer: new ConfirmationSealer(),
    confirmation: 'token',
    audit: () => undefined,
  };
}

async function callWithoutCluster(
  tool: Tool,
  given: unknown,
  policy: Policy = { readOnly: false, noDestroy: false },
) {
  const result = await runTool(
    tool,
    {
      tool: tool.name,
      arguments: given,
      principal: localPrincipal,
      requestId: 'catalogue',
      signal: AbortSignal.timeout(10_000),
      canAsk: false,
    },
    partsWithoutCluster(policy),
  );
  if (result.kind !== 'answer') throw new Error('A client that cannot ask was asked.');
  return result;
}

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: Schema[];
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  maxItems?: number;
}

/** Paths in a schema at which a caller could send as much as it likes. */
function unbounded(schema: Schema, path = 'input'): string[] {
  if (schema.enum || schema.const !== undefined) return [];
  if (Array.isArray(schema.type)) return schema.type.flatMap((type) => unbounded({ ...schema, type }, path));
  if (schema.anyOf) return schema.anyOf.flatMap((option, index) => unbounded(option, `${path}|${index}`));
  switch (schema.type) {
    case 'string':
      return schema.maxLength === undefined ? [path] : [];
    case 'number':
    case 'integer': {
      const bounds = [schema.minimum ?? schema.exclusiveMinimum, schema.maximum ?? schema.exclusiveMaximum];
      return bounds.every((bound) => bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER)
        ? []
        : [path];
    }
    case 'array':
      return [
        ...(schema.maxItems === undefined ? [`${path}[]`] : []),
        ...unbounded(schema.items ?? {}, `${path}[]`),
      ];
    case 'object': {
      const { properties = {}, additionalProperties, propertyNames } = schema;
      const known = Object.entries(properties).flatMap(([key, value]) => unbounded(value, `${path}.${key}`));
      if (additionalProperties === false) return known;
      if (typeof additionalProperties !== 'object' || !propertyNames) return [...known, `${path}.*`];
      return [
        ...known,
        ...unbounded(propertyNames, `${path}.<key>`),
        ...unbounded(additionalProperties, `${path}.*`),
      ];
    }
    case 'boolean':
    case 'null':
      return [];
    default:
      return [path];
  }
}
