/** Releases of the chart by both majors of Helm, for suites that say the same of each. No pod is started unless a suite asks for it. */
import { afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { type Helm, helms } from '../../chart/helm.ts';
import { deleteNamespace, makeNamespace } from './kubernetes.ts';

/** For `describe.each`: what a major is called, and its place in {@link helms}. */
export const majors: [string, 0 | 1][] = [
  ['Helm 4', 0],
  ['Helm 3', 1],
];

/** Arguments that set these values, and that no pod is started. */
export const withoutPods = (...values: string[]): string[] => ['--set', ['replicas=0', ...values].join()];

export interface ReleaseWorld {
  /** Of the test that runs. */
  readonly namespace: string;
  /** Runs one of {@link majors}, in no namespace but the one that is named to it. */
  run(major: 0 | 1, ...args: string[]): Promise<string>;
  /** The same major for every call, in the namespace of the test that runs. */
  helm(major: 0 | 1): (...args: string[]) => Promise<string>;
}

/** Gives each test of the file a namespace, and takes it away with what its releases have elsewhere. */
export function releaseWorld(): ReleaseWorld {
  let both: [Helm, Helm];
  let namespace: string;
  const helm: ReleaseWorld['helm'] =
    (major) =>
    (...args) =>
      both[major].run(...args, '--namespace', namespace);
  beforeAll(async () => {
    both = await helms(inject('cluster'));
  });
  beforeEach(async () => {
    namespace = await makeNamespace('t-chart');
  });
  afterEach(async () => {
    // What a release has outside its namespace does not go with the namespace.
    const helm4 = helm(0);
    const releases = await helm4('list', '--short');
    for (const name of releases.split('\n').filter(Boolean)) await helm4('uninstall', name);
    await deleteNamespace(namespace);
  });
  return {
    get namespace() {
      return namespace;
    },
    helm,
    run: (major, ...args) => both[major].run(...args),
  };
}
