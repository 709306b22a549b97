import { describe, expect, it } from 'vitest';
import { cluster, cnpg, core, object, patch, send, simulate } from '../test-client.ts';

const clusters = `${cnpg('default')}/clusters`;
const secrets = `${core('default')}/secrets`;

describe('create', () => {
  it('stores the object with uid, resourceVersion, generation and defaults', async () => {
    const simulator = await simulate();
    const { status, body } = await send(simulator, 'POST', clusters, cluster('a'));
    expect(status).toBe(201);
    expect(body.metadata).toMatchObject({ name: 'a', namespace: 'default', generation: 1 });
    expect(body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.spec).toMatchObject({ enablePDB: true, postgresUID: 26, logLevel: 'info' });
    expect((await send(simulator, 'GET', `${clusters}/a`)).body).toEqual(body);
  });

  it('drops a status that the client sends along', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, { ...cluster('a'), status: { phase: 'mine' } });
    expect(simulator.state.get('clusters', 'default', 'a')?.status).toBeUndefined();
  });

  it.each([
    [
      'in a namespace that is not there',
      `${cnpg('nope')}/clusters`,
      cluster('a'),
      404,
      'NotFound',
      'namespaces "nope" not found',
    ],
    [
      'with a name that is no DNS name',
      secrets,
      { metadata: { name: 'S_1' } },
      422,
      'Invalid',
      /^Secret "S_1" is invalid: metadata\.name: Invalid value: "S_1": a lowercase RFC 1123 subdomain must/,
    ],
    [
      'without a name',
      secrets,
      { metadata: {} },
      422,
      'Invalid',
      'Secret "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'for another namespace than the path',
      clusters,
      { ...cluster('a'), metadata: { name: 'a', namespace: 'x' } },
      400,
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'of another kind',
      clusters,
      { ...cluster('a'), kind: 'Cluste' },
      422,
      'Invalid',
      'Cluste.postgresql.cnpg.io "a" is invalid: kind: Invalid value: "Cluste": must be Cluster',
    ],
    [
      'of another version',
      clusters,
      { ...cluster('a'), apiVersion: 'postgresql.cnpg.io/v2' },
      400,
      'BadRequest',
      'the API version in the data (postgresql.cnpg.io/v2) does not match the expected API version (postgresql.cnpg.io/v1)',
    ],
    [
      'with what is no JSON',
      clusters,
      '{bad',
      400,
      'BadRequest',
      /json parse error: invalid character 'b' looking for beginning of object key string/,
    ],
    [
      'with a label that is none',
      secrets,
      { metadata: { name: 's', labels: { a: 'b c' } } },
      422,
      'Invalid',
      /metadata\.labels: Invalid value: "b c": a valid label must/,
    ],
  ])('is refused %s', async (_, path, body, status, reason, message) => {
    const simulator = await simulate();
    const answer = await send(simulator, 'POST', path, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', reason, code: status });
    expect(answer.body.message).toMatch(message);
  });

  it('says that a name is taken', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    expect((await send(simulator, 'POST', clusters, cluster('a'))).body).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'clusters.postgresql.cnpg.io "a" already exists',
      details: { name: 'a', group: 'postgresql.cnpg.io', kind: 'clusters' },
    });
  });

  it('makes a name after generateName', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', secrets, { metadata: { generateName: 'gen-' } });
    expect(body.metadata.name).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  it('is refused in a namespace that is being deleted', async () => {
    const simulator = await simulate();
    simulator.state.put({
      ...object('Database', 'd', { cluster: { name: 'c' }, name: 'd', owner: 'o' }),
      metadata: { name: 'd', namespace: 'going', finalizers: ['a/b'] },
    });
    await send(simulator, 'DELETE', '/api/v1/namespaces/going');
    expect(
      (await send(simulator, 'POST', `${core('going')}/secrets`, { metadata: { name: 's' } })).body,
    ).toMatchObject({
      code: 403,
      message:
        'secrets "s" is forbidden: unable to create new content in namespace going because it is being terminated',
    });
  });

  it('makes data of the stringData of a Secret', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', secrets, {
      metadata: { name: 's' },
      stringData: { a: 'b' },
    });
    expect(body).toMatchObject({ type: 'Opaque', data: { a: 'Yg==' } });
    expect(body.stringData).toBeUndefined();
  });

  it('refuses a basic-auth Secret without its keys', async () => {
    const simulator = await simulate();
    const secret = { metadata: { name: 's' }, type: 'kubernetes.io/basic-auth' };
    expect((await send(simulator, 'POST', secrets, secret)).body.message).toBe(
      'Secret "s" is invalid: [data[username]: Required value, data[password]: Required value]',
    );
  });
});

describe('fields that the kind does not have', () => {
  const unknown = cluster('a', { foo: 1, bar: {} });

  it('are dropped, with warnings', async () => {
    const simulator = await simulate();
    const { body, headers } = await send(simulator, 'POST', clusters, unknown);
    expect(body.spec.foo).toBeUndefined();
    expect(headers.get('warning')).toBe(
      '299 - "unknown field \\"spec.bar\\"", 299 - "unknown field \\"spec.foo\\""',
    );
  });

  it('are dropped without a word with fieldValidation=Ignore', async () => {
    const simulator = await simulate();
    const { headers } = await send(simulator, 'POST', `${clusters}?fieldValidation=Ignore`, unknown);
    expect(headers.get('warning')).toBeNull();
  });

  it('are refused with fieldValidation=Strict', async () => {
    const simulator = await simulate();
    expect((await send(simulator, 'POST', `${clusters}?fieldValidation=Strict`, unknown)).body).toMatchObject(
      {
        code: 400,
        message:
          'Cluster in version "v1" cannot be handled as a Cluster: strict decoding error: unknown field "spec.bar", unknown field "spec.foo"',
      },
    );
    expect(simulator.state.list('clusters')).toEqual([]);
  });
});

describe('update', () => {
  it('replaces the specification and counts the generation', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', clusters, cluster('a'));
    const answer = await send(simulator, 'PUT', `${clusters}/a`, {
      ...body,
      spec: { ...body.spec, instances: 2 },
    });
    expect(answer.body).toMatchObject({ metadata: { generation: 2 }, spec: { instances: 2 } });
  });

  it.each([
    [
      'without a resourceVersion',
      { metadata: { name: 'a' } },
      422,
      'clusters.postgresql.cnpg.io "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    ],
    [
      'with an old resourceVersion',
      { metadata: { name: 'a', resourceVersion: '1' } },
      409,
      'Operation cannot be fulfilled on clusters.postgresql.cnpg.io "a": the object has been modified; please apply your changes to the latest version and try again',
    ],
    [
      'with another name',
      { metadata: { name: 'b', resourceVersion: '1' } },
      400,
      'the name of the object (b) does not match the name on the URL (a)',
    ],
  ])('of a custom kind is refused %s', async (_, change, status, message) => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    const answer = await send(simulator, 'PUT', `${clusters}/a`, { ...cluster('a'), ...change });
    expect(answer.body).toMatchObject({ code: status, message });
  });

  it('of a built-in kind may do without a resourceVersion', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', secrets, { metadata: { name: 's' }, stringData: { a: 'b' } });
    const { status } = await send(simulator, 'PUT', `${secrets}/s`, {
      metadata: { name: 's' },
      stringData: { a: 'c' },
    });
    expect(status).toBe(200);
  });

  it('that changes nothing keeps the resourceVersion', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', clusters, cluster('a'));
    expect((await send(simulator, 'PUT', `${clusters}/a`, body)).body).toEqual(body);
  });

  it('does not count labels and annotations as a generation', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    const { body } = await patch(simulator, `${clusters}/a`, { metadata: { labels: { team: 'x' } } });
    expect(body.metadata).toMatchObject({ generation: 1, labels: { team: 'x' } });
  });
});

describe('the status subresource', () => {
  it('changes the status and nothing else', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    const change = { status: { phase: 'here' }, spec: { instances: 9 }, metadata: { labels: { a: 'b' } } };
    const { body } = await patch(simulator, `${clusters}/a/status`, change);
    expect(body.status).toEqual({ phase: 'here' });
    expect(body.spec.instances).toBe(1);
    expect(body.metadata).toMatchObject({ generation: 1 });
    expect(body.metadata.labels).toBeUndefined();
  });

  it('is the only way to it', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    const { body } = await patch(simulator, `${clusters}/a`, { status: { phase: 'here' } });
    expect(body.status).toBeUndefined();
  });

  it('checks the schema of the status', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a'));
    const { body } = await patch(simulator, `${clusters}/a/status`, { status: { instances: 'three' } });
    expect(body).toMatchObject({ code: 422, reason: 'Invalid' });
  });
});

describe('the scale subresource', () => {
  it('reads and writes the number of instances', async () => {
    const simulator = await simulate();
    await send(simulator, 'POST', clusters, cluster('a', { instances: 2 }));
    expect((await send(simulator, 'GET', `${clusters}/a/scale`)).body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { replicas: 0 },
    });
    await patch(simulator, `${clusters}/a/scale`, { spec: { replicas: 3 } });
    expect(simulator.state.get('clusters', 'default', 'a')?.spec?.instances).toBe(3);
  });
});

describe('dryRun=All', () => {
  it('answers as usual and leaves everything as it was', async () => {
    const simulator = await simulate();
    const { body: before } = await send(simulator, 'POST', clusters, cluster('a'));
    const { body: list } = await send(simulator, 'GET', clusters);
    const dry = [
      await send(simulator, 'POST', `${clusters}?dryRun=All`, cluster('b')),
      await patch(simulator, `${clusters}/a?dryRun=All`, { spec: { instances: 2 } }),
      await patch(simulator, `${clusters}/a/status?dryRun=All`, { status: { phase: 'here' } }),
      await send(simulator, 'DELETE', `${clusters}/a?dryRun=All`),
    ];
    expect(dry.map(({ status }) => status)).toEqual([201, 200, 200, 200]);
    expect(dry[0]?.body).toMatchObject({ spec: { enablePDB: true }, metadata: { name: 'b' } });
    expect(dry[0]?.body.metadata.resourceVersion).toBeUndefined();
    expect(dry[1]?.body).toMatchObject({ spec: { instances: 2 }, metadata: { generation: 2 } });
    expect(dry[1]?.body.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect((await send(simulator, 'GET', clusters)).body).toEqual(list);
    expect(simulator.requests.map(({ dryRun }) => dryRun)).toEqual([
      false,
      false,
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('runs the admission webhooks', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', `${clusters}?dryRun=All`, cluster('a', { storage: {} }));
    expect(body.message).toMatch(/^admission webhook "vcluster\.cnpg\.io" denied the request: /);
  });

  it('takes no other value', async () => {
    const simulator = await simulate();
    const { body } = await send(simulator, 'POST', `${clusters}?dryRun=Some`, cluster('a'));
    expect(body.message).toBe(
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    );
  });
});

describe('volume claims', () => {
  const claims = `${core('default')}/persistentvolumeclaims`;
  const put = async (storageClassName: string) => {
    const simulator = await simulate();
    simulator.state.put({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'c', namespace: 'default' },
      spec: { storageClassName, resources: { requests: { storage: '1Gi' } } },
      status: { phase: 'Bound', capacity: { storage: '1Gi' } },
    });
    return (size: string) =>
      patch(simulator, `${claims}/c`, { spec: { resources: { requests: { storage: size } } } });
  };

  it('grow where their class allows it', async () => {
    const resize = await put('standard');
    expect((await resize('2Gi')).status).toBe(200);
  });

  it('do not grow where it does not', async () => {
    const resize = await put('fixed-size');
    expect((await resize('2Gi')).body).toMatchObject({
      code: 403,
      message:
        'persistentvolumeclaims "c" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    });
  });

  it('never shrink', async () => {
    const resize = await put('standard');
    expect((await resize('512Mi')).body.message).toContain('field can not be less than status.capacity');
  });
});
