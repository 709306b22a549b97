/** Every command of every page, typed in the order of the page. What is done instead, and why: documentation/exceptions.ts. */
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { type FakeIdp, startFakeIdp } from '../../server/test/fake-idp.ts';
import { type Helm, installedHelm } from '../chart/helm.ts';
import type { Place } from '../documentation/exceptions.ts';
import { pages, type Snippet, stepsOf } from '../documentation/reader.ts';
import { Visit } from '../documentation/visit.ts';
import { imageOnCluster } from '../image/load.ts';
import { runOrThrow } from '../scripts/command.ts';
import { demo } from '../scripts/demo-cluster.ts';
import { root } from '../scripts/paths.ts';
import { release } from '../scripts/release.ts';
import { apply, clusterManifest, deleteNamespace, getObject, makeNamespace } from './support/kubernetes.ts';

const cluster = inject('cluster');

/** Commands that somebody has typed before coming to a page, with the files of the page that has them. */
const before: Record<string, string> = { 'docs/doctor.md': 'chart/README.md' };

const all = stepsOf();
const steps = (page: string): Snippet[] => all.filter((snippet) => snippet.page === page);

let helm: Helm;
let idp: FakeIdp;
let place: Omit<Place, 'tools'>;
let present: { demo: boolean; server: boolean };
beforeAll(async () => {
  helm = await installedHelm(cluster);
  idp = await startFakeIdp('https://mcp.example.com/mcp');
  const [shop, billing] = [await makeNamespace('t-docs'), await makeNamespace('t-docs')];
  // What the pages annotate; it need not run.
  await apply(clusterManifest(shop, 'orders'));
  place = {
    shop,
    billing,
    image: await imageOnCluster(cluster),
    issuer: idp.issuer,
    storageClass: cluster.storageClass,
    tokenHash: '0'.repeat(64),
  };
  const isThere = async (name: string): Promise<boolean> =>
    (await getObject('namespace', name, 'default')) !== undefined;
  present = { demo: await isThere(demo.namespace), server: await isThere(release.namespace) };
});
afterAll(async () => {
  await idp.close();
  await deleteNamespace(place.shop);
  await deleteNamespace(place.billing);
  if (!present.demo) await deleteNamespace(demo.namespace);
  // It was somebody's, and `make down` has removed it.
  if (present.server) await runOrThrow('make', ['-C', root, 'up']);
});

describe.each(pages.filter((page) => steps(page).length > 0))('what %s says', (page) => {
  let visit: Visit;
  let tools: string;
  beforeAll(async () => {
    tools = await makeNamespace('t-docs');
    visit = await Visit.begin(cluster, { ...place, tools }, helm);
    const earlier = before[page];
    for (const step of earlier === undefined ? [] : steps(earlier)) await visit.follow(step);
  });
  afterAll(async () => {
    await visit.end();
    const releases = await helm.run('list', '--short', '--namespace', tools);
    for (const name of releases.split('\n').filter(Boolean))
      await helm.run('uninstall', name, '--namespace', tools);
    await deleteNamespace(tools);
  });

  it.each(steps(page).map((step) => ({ ...step, first: step.text.split('\n', 1)[0] })))(
    'works: line $line, $first',
    async (step) => {
      await visit.follow(step);
    },
  );
});
