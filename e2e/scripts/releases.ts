/** What is released together, under one version, and what is said of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Failure } from './failure.ts';
import { root } from './paths.ts';

/** The version in every file that names the one that is released, by file. */
export async function releasedVersions(): Promise<Record<string, string>> {
  const read = (name: string): Promise<string> => readFile(join(root, name), 'utf8');
  const packageVersion = async (name: string): Promise<string> => JSON.parse(await read(name)).version;
  const chart = parse(await read('chart/Chart.yaml'));
  const image = /:([^:\s]+)\s*$/.exec(chart.annotations['artifacthub.io/images'])?.[1];
  return {
    'server/package.json': await packageVersion('server/package.json'),
    'rbac-bootstrap/package.json': await packageVersion('rbac-bootstrap/package.json'),
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
