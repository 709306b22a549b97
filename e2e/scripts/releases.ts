/** What is released together, under one version, and what is said of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Failure } from './failure.ts';
import { root } from './paths.ts';

/** The packages that are published, by their folders. */
export async function publishedPackages(): Promise<{ folder: string; name: string; version: string }[]> {
  const folders = ['server', 'rbac-bootstrap'];
  return Promise.all(
    folders.map(async (folder) => {
      const { name, version } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
      return { folder, name, version };
    }),
  );
}

/** `v` and a version as in Semantic Versioning 2.0.0, without build metadata, which tags of images cannot have. */
const tagPattern = /^v((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)$/;

/** The version that a tag is for. @throws {Failure} when it is no tag of a release */
export function versionOfTag(tag: string): string {
  const version = tagPattern.exec(tag)?.[1];
  if (version === undefined)
    throw new Failure(`${JSON.stringify(tag)} is no tag of a release, such as v1.2.3.`);
  return version;
}

/** The version in every file that names the one that is released, by file. */
export async function releasedVersions(): Promise<Record<string, string>> {
  const read = (name: string): Promise<string> => readFile(join(root, name), 'utf8');
  const packages = await publishedPackages();
  const chart = parse(await read('chart/Chart.yaml'));
  const image = /:([^:\s]+)\s*$/.exec(chart.annotations['artifacthub.io/images'])?.[1];
  return {
    ...Object.fromEntries(packages.map(({ folder, version }) => [`${folder}/package.json`, version])),
    'chart/Chart.yaml (version)': chart.version,
    'chart/Chart.yaml (appVersion)': chart.appVersion,
    'chart/Chart.yaml (artifacthub.io/images)': image ?? 'none',
    Dockerfile: /^ARG VERSION=(.+)$/m.exec(await read('Dockerfile'))?.[1] ?? 'none',
  };
}

/** Text of a release. @throws when the changelog has nothing under the version */
export function releaseNotes(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0]?.replace(/[[\]]/g, '') === version);
  const body = section?.slice(section.indexOf('\n')).trim() ?? '';
  if (body === '') throw new Failure(`CHANGELOG.md says nothing under "## ${version}".`);
  return `${body}

## Install

\`\`\`sh
helm install cnpg-mcp oci://ghcr.io/cnpg-mcp/charts/cnpg-mcp --version ${version}
npx -y cnpg-mcp@${version} doctor
\`\`\`

## Verify

\`\`\`sh
cosign verify ghcr.io/cnpg-mcp/cnpg-mcp:${version} \\
  --certificate-oidc-issuer https://token.actions.githubusercontent.com \\
  --certificate-identity https://github.com/cnpg-mcp/cnpg-mcp/.github/workflows/release.yml@refs/tags/v${version}
gh attestation verify oci://ghcr.io/cnpg-mcp/cnpg-mcp:${version} --repo cnpg-mcp/cnpg-mcp
\`\`\`
`;
}
