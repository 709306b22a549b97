/** cnpg-mcp-rbac by people who may not look everywhere: what they cannot see is named, and never taken for nothing. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { limitedKubeconfig } from './support/gate.ts';
import { deleteNamespace, getObject, kubectl, makeNamespace, names } from './support/kubernetes.ts';
import { type Ended, runRbac } from './support/rbac-program.ts';

let home: string;
let other: string;
/** Administers both namespaces and has the rights of the preset there, and nothing of the cluster. */
let administrator: string;
let nobody: string;

const rbac = (...args: string[]): Promise<Ended> => runRbac(...args, '--namespace', home);

beforeAll(async () => {
  [home, other] = [await makeNamespace('t-rbac'), await makeNamespace('t-rbac')];
  administrator = await limitedKubeconfig(home, 'administrator', []);
  nobody = await limitedKubeconfig(home, 'nobody', []);
  const account = `--serviceaccount=${home}:administrator`;
  for (const namespace of [home, other]) {
    await kubectl('create', 'rolebinding', 'administrator', '-n', namespace, '--clusterrole=admin', account);
    const rules = ['--verb=*', '--resource=*.postgresql.cnpg.io'];
    await kubectl('create', 'role', 'postgresql', '-n', namespace, ...rules);
    await kubectl('create', 'rolebinding', 'postgresql', '-n', namespace, '--role=postgresql', account);
  }
});
afterAll(async () => {
  await rbac('revoke');
  await kubectl('delete', 'clusterrolebinding,clusterrole', '--ignore-not-found', `${home}-reader`);
  await Promise.all([home, other].map(deleteNamespace));
});

/** Names of the objects of the release in the other namespace. */
const elsewhere = async (kind: string): Promise<string[]> =>
  (await names(kind, other)).filter((name) => name.startsWith(`${home}:`));

it('a first apply by the administrator of a namespace works, and says where it could not look', async () => {
  const answer = await rbac('apply', '--kubeconfig', administrator);
  expect(answer).toMatchObject({ status: 0, error: expect.stringContaining('roles in other namespaces') });
  expect(await rbac('diff', '--kubeconfig', administrator)).toMatchObject({ status: 0, error: '' });
  // What was made says itself where it all is, so this is known to be everything.
  expect(await rbac('revoke', '--kubeconfig', administrator)).toMatchObject({ status: 0, error: '' });
});

it('objects of an earlier call are found in namespaces that nobody names any more', async () => {
  await rbac('apply', '--namespaces', other);
  const { status, out } = await rbac('apply', '--kubeconfig', administrator);
  expect(status).toBe(0);
  expect(out).toContain(`deleted    RoleBinding ${home}:cnpg-mcp-view in namespace ${other}`);
  expect(await elsewhere('role,rolebinding')).toEqual([]);
});

it('a revocation by somebody who may not see all of it deletes the rest, names what it missed, and fails', async () => {
  await rbac('apply', '--namespaces', other, '--storage', '--events');
  const { status, out, error } = await rbac('revoke', '--kubeconfig', administrator);
  expect(status).toBe(1);
  expect(out).toContain(`deleted RoleBinding ${home}:cnpg-mcp-events in namespace ${other}`);
  expect(await elsewhere('role,rolebinding')).toEqual([]);
  expect(error).toContain('  clusterroles of the cluster\n  clusterrolebindings of the cluster\n');
  // Now nothing is left that would say so, and still it does not claim to have seen everything.
  expect(await rbac('revoke', '--kubeconfig', administrator)).toMatchObject({
    status: 1,
    out: 'There is nothing of this release to delete where you may look.\n',
  });
  expect((await rbac('revoke')).out).toContain(`deleted ClusterRole ${home}:cnpg-mcp-storage`);
});

it('apply writes nothing where there may be more of the release than the caller sees, and diff fails', async () => {
  await rbac('apply', '--storage');
  const before = await getObject('serviceaccount', 'cnpg-mcp', home);
  expect(await rbac('diff', '--kubeconfig', administrator)).toMatchObject({
    status: 1,
    error: expect.stringContaining('clusterrolebindings of the cluster'),
  });
  expect(await rbac('apply', '--kubeconfig', administrator)).toMatchObject({
    status: 1,
    out: '',
    error: expect.stringMatching(/so nothing was written:\n {2}clusterroles of the cluster/),
  });
  const after = await getObject('serviceaccount', 'cnpg-mcp', home);
  expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  await rbac('revoke');
});

it('somebody who may do nothing is told every right that is missing', async () => {
  const { status, error } = await rbac('apply', '--kubeconfig', nobody);
  expect(status).toBe(1);
  for (const right of [
    `create serviceaccounts in namespace ${home}`,
    `patch rolebindings.rbac.authorization.k8s.io named cnpg-mcp-view in namespace ${home}`,
    `list clusters.postgresql.cnpg.io in namespace ${home}`,
  ]) {
    expect(error).toContain(right);
  }
  expect(error).toContain(`roles in namespace ${home}`);
});

it('a role that gives paths of the API server can be checked, too, and the paths are named', async () => {
  const reader = `${home}-reader`;
  await kubectl('create', 'clusterrole', reader, '--verb=get', '--resource=clusterroles');
  const account = `--serviceaccount=${home}:administrator`;
  await kubectl('create', 'clusterrolebinding', reader, `--clusterrole=${reader}`, account);
  const flags = ['--existing-cluster-roles', 'cluster-admin', '--kubeconfig', administrator];
  const { status, error } = await rbac('apply', ...flags);
  expect(status).toBe(1);
  expect(error).toContain('RoleBinding cnpg-mcp-bind-cluster-admin');
  expect(error).toContain('  * * of the API server\n');
});
