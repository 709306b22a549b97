/**
 * Callers who sign in at an identity provider and act in Kubernetes as themselves: on a real API server their own rights
 * decide, whatever this server could do, and what they did is found under their names.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type FakeIdp, startFakeIdp } from '../../server/test/fake-idp.ts';
import { accountKubeconfig } from './support/gate.ts';
import {
  apply,
  clusterManifest,
  deleteNamespace,
  getObject,
  kubectl,
  makeNamespace,
  until,
} from './support/kubernetes.ts';
import { type Answer, type RunningServer, startServer } from './support/server.ts';

const audience = 'https://mcp.example.com/mcp';
const rbac = 'rbac.authorization.k8s.io';
const reading = ['get', 'list', 'watch'];
let idp: FakeIdp;
let namespace: string;
let server: RunningServer;
let people: { viewer: string; editor: string; stranger: string; group: string };

/** Objects of the whole cluster that this suite made, to be deleted by name. */
const made: string[] = [];

beforeAll(async () => {
  idp = await startFakeIdp(audience);
  namespace = await makeNamespace('e2e-identity');
  people = {
    viewer: `vera-${namespace}`,
    editor: `edgar-${namespace}`,
    stranger: `sam-${namespace}`,
    group: `dba-${namespace}`,
  };
  await apply(
    clusterManifest(namespace, 'orders'),
    role('viewer', [
      { apiGroups: ['postgresql.cnpg.io'], resources: ['*'], verbs: reading },
      { apiGroups: [''], resources: ['pods', 'persistentvolumeclaims'], verbs: reading },
    ]),
    role('editor', [
      {
        apiGroups: ['postgresql.cnpg.io'],
        resources: ['*'],
        verbs: [...reading, 'create', 'patch', 'delete'],
      },
      { apiGroups: [''], resources: ['pods', 'persistentvolumeclaims', 'secrets'], verbs: reading },
    ]),
    binding('viewer', { kind: 'User', name: `oidc:${people.viewer}`, apiGroup: rbac }),
    binding('editor', { kind: 'Group', name: `oidc:${people.group}`, apiGroup: rbac }),
    // The account of the server itself: it may act as two people and a group, and leave Events. Nothing else.
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'server', namespace } },
    role('server', [{ apiGroups: [''], resources: ['events'], verbs: ['create'] }]),
    binding('server', { kind: 'ServiceAccount', name: 'server', namespace }),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: `${namespace}-impersonator` },
      rules: [
        {
          apiGroups: [''],
          resources: ['users'],
          resourceNames: [`oidc:${people.viewer}`, `oidc:${people.editor}`],
          verbs: ['impersonate'],
        },
        {
          apiGroups: [''],
          resources: ['groups'],
          resourceNames: [`oidc:${people.group}`],
          verbs: ['impersonate'],
        },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: `${namespace}-impersonator` },
      roleRef: { kind: 'ClusterRole', name: `${namespace}-impersonator`, apiGroup: rbac },
      subjects: [{ kind: 'ServiceAccount', name: 'server', namespace }],
    },
  );
  made.push(`clusterrole/${namespace}-impersonator`, `clusterrolebinding/${namespace}-impersonator`);
  server = await startServer('http', {
    kubeconfig: await accountKubeconfig(namespace, 'server'),
    token: await tokenOf(people.viewer),
    env: {
      OIDC_ISSUER: idp.issuer,
      OIDC_AUDIENCE: audience,
      CNPG_MCP_AUTH_IMPERSONATION_ENABLED: 'true',
      CNPG_MCP_AUTH_IMPERSONATION_USER_CLAIM: 'preferred_username',
      CNPG_MCP_AUTH_IMPERSONATION_ALLOWED_GROUPS: people.group,
      CNPG_MCP_SESSIONS_ENABLED: 'true',
      CNPG_MCP_AUDIT_EVENTS: 'true',
    },
  });
});

afterAll(async () => {
  await server?.stop();
  for (const name of made) await kubectl('delete', name, '--ignore-not-found');
  if (namespace) await deleteNamespace(namespace);
  await idp?.close();
});

function role(name: string, rules: object[]): object {
  return { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name, namespace }, rules };
}

function binding(name: string, subject: object): object {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { kind: 'Role', name, apiGroup: rbac },
    subjects: [subject],
  };
}

/** A token with every scope: what its owner may do is for Kubernetes to say. */
function tokenOf(name: string, groups: string[] = []): Promise<string> {
  return idp.token({ sub: `id-of-${name}`, preferred_username: name, groups, scope: 'cnpg:destroy' });
}

const asEditor = () => tokenOf(people.editor, [people.group, 'system:masters', 'somebody-elses']);

async function call(token: string, tool: string, args: Record<string, unknown>): Promise<Answer> {
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: tool, arguments: { namespace, ...args } },
    }),
  });
  const text = await response.text();
  const data = response.headers.get('content-type')?.startsWith('text/event-stream')
    ? (text.match(/^data: (.*"result".*)$/m)?.[1] ?? '')
    : text;
  const { result } = JSON.parse(data);
  return {
    isError: result.isError === true,
    text: result.content[0].text,
    structured: result.structuredContent,
  };
}

const instances = async () => (await getObject('cluster', 'orders', namespace))?.spec.instances;
const auditLines = () =>
  server
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{"type":"audit"'))
    .map((line) => JSON.parse(line));
/** What the server logs may be read after its answer. */
const lastAudited = (expected: object) =>
  vi.waitFor(() => expect(auditLines().at(-1)).toMatchObject(expected), 5_000);

describe('somebody who may only look', () => {
  it('sees the cluster', async () => {
    const answer = await call(await tokenOf(people.viewer), 'get_cluster_status', { name: 'orders' });
    expect(answer.isError, answer.text).toBe(false);
  });

  it("changes nothing: the answer is the API server's own 403, with who lacks which right", async () => {
    const before = await instances();
    const token = await tokenOf(people.viewer);
    const answer = await call(token, 'scale_postgres_cluster', { name: 'orders', instances: 2 });
    expect(answer.structured.error, answer.text).toMatchObject({
      code: 'forbidden',
      api: { status: 403, reason: 'Forbidden' },
      missing_right: {
        verb: 'patch',
        group: 'postgresql.cnpg.io',
        resource: 'clusters',
        namespace,
        identity: `oidc:${people.viewer}`,
      },
    });
    expect(await instances()).toBe(before);
    await lastAudited({ outcome: 'forbidden', changed: false });
  });
});

describe('somebody who may edit, by a group', () => {
  it('changes the cluster, and is found at it and in the audit log', async () => {
    const answer = await call(await asEditor(), 'scale_postgres_cluster', { name: 'orders', instances: 2 });
    expect(answer.isError, answer.text).toBe(false);
    expect(await instances()).toBe(2);
    await lastAudited({
      tool: 'scale_postgres_cluster',
      principal: `${idp.issuer}|id-of-${people.editor}`,
      kubernetes_user: `oidc:${people.editor}`,
      decision: 'allowed',
      changed: true,
    });
    const [event, ...others] = await until('an Event tells of the change', 20, async () => {
      const list = JSON.parse(await kubectl('get', 'events', '-n', namespace, '-o', 'json'));
      const found = list.items.filter(({ reason }: { reason: string }) => reason === 'ChangedThroughMcp');
      return found.length > 0 && found;
    });
    // None tells of the change that was refused before.
    expect(others).toEqual([]);
    expect(event.involvedObject).toMatchObject({ kind: 'Cluster', name: 'orders' });
    expect(event.involvedObject.uid).toBeUndefined();
    expect(event.message).toContain(people.editor);
  });

  it('deletes it by typing its name, when the client can ask', async () => {
    const client = new Client({ name: 'e2e', version: '1' }, { capabilities: { elicitation: {} } });
    const asked: string[] = [];
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      asked.push(params.message);
      return { action: 'accept', content: { name: 'orders' } };
    });
    const transport = new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${await asEditor()}` } },
    });
    await client.connect(transport as Transport);
    expect(transport.sessionId).toBeDefined();
    const result = await client.callTool(
      { name: 'delete_postgres_cluster', arguments: { name: 'orders', namespace } },
      undefined,
      { timeout: 240_000 },
    );
    expect(result.isError, JSON.stringify(result.content)).not.toBe(true);
    expect(asked).toEqual([expect.stringContaining('orders')]);
    await until(
      'the cluster is gone',
      60,
      async () => (await getObject('cluster', 'orders', namespace)) === undefined,
    );
    await client.close();
  });
});

describe('somebody whom this server may not act as', () => {
  it('gets nowhere, and the answer says which right the server lacks', async () => {
    const token = await tokenOf(people.stranger, [people.group]);
    const answer = await call(token, 'list_postgres_clusters', {});
    expect(answer.structured.error, answer.text).toMatchObject({
      code: 'forbidden',
      missing_right: {
        verb: 'impersonate',
        resource: 'users',
        name: `oidc:${people.stranger}`,
        identity: `system:serviceaccount:${namespace}:server`,
      },
    });
  });
});

describe('what the server wrote', () => {
  it('holds no token', async () => {
    expect(server.log()).toContain('kubernetes_user');
    expect(server.log()).not.toMatch(/eyJ[\w-]{10,}/);
  });
});
