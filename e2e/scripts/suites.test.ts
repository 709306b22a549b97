import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { root } from './paths.ts';
import { chosenSuites } from './suites.ts';

/** What the program of `make e2e` says before it runs anything. */
async function e2e(...args: string[]): Promise<string> {
  const program = join(root, 'e2e/scripts/e2e.ts');
  const running = promisify(execFile)(process.execPath, [program, ...args]);
  const failed = await running.catch((error: { code: number; stderr: string }) => error);
  expect(failed).toMatchObject({ code: 1 });
  return (failed as { stderr: string }).stderr.trim();
}

describe('the suites on a real cluster', () => {
  it('are chosen by the beginning of their names, or are all taken', async () => {
    expect(await chosenSuites('keycloak')).toEqual(['suites/keycloak.e2e.ts']);
    expect((await chosenSuites('r')).sort()).toEqual(
      expect.arrayContaining(['suites/rbac.e2e.ts', 'suites/roles.e2e.ts']),
    );
    expect(await chosenSuites('r')).not.toContain('suites/clusters.e2e.ts');
    expect(await chosenSuites(undefined)).toEqual([]);
  });

  it('are listed where none is called like that', async () => {
    const said = await e2e('--suite', 'nope');
    expect(said).toMatch(/^There is no suite whose name begins with "nope"\. There are:\n {2}bad-input\n/);
    expect(said).not.toMatch(/^\s+at /m);
  });

  it('are not begun with a kubeconfig that cannot be read or used', async () => {
    expect(await e2e('--kubeconfig', '/nonexistent')).toBe(
      'The kubeconfig /nonexistent cannot be read: ENOENT.',
    );
    expect(await e2e('--kubeconfig', '/tmp')).toBe('The kubeconfig /tmp cannot be read: EISDIR.');
    const said = await e2e('--kubeconfig', join(root, 'package.json'));
    expect(said).toMatch(/^The cluster of \S+package\.json cannot be asked: [^\n]+$/);
  });
});
