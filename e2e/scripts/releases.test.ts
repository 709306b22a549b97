import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { output } from './command.ts';
import { root } from './paths.ts';
import { releasedVersions, releaseNotes, versionOfTag } from './releases.ts';

describe('a release', () => {
  it('has one version', async () => {
    expect(new Set(Object.values(await releasedVersions())).size).toBe(1);
  });

  it('has a tag that is v and its version, and nothing besides', () => {
    expect(versionOfTag('v1.2.3')).toBe('1.2.3');
    expect(versionOfTag('v1.2.3-rc.1')).toBe('1.2.3-rc.1');
    for (const tag of [
      '',
      '1.2.3',
      'v1.2',
      'v01.2.3',
      'v1.2.3+x',
      'v1.2.3\n',
      "v1';id;'",
      'v1.2.3-$(id)',
      'v1.2.3-',
    ])
      expect(() => versionOfTag(tag), tag).toThrow('is no tag of a release');
  });

  it('has nothing of its tag read by make or by a shell', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-tag-'));
    const traps = [
      `v1';touch ${folder}/shell;'`,
      `v1$(shell touch ${folder}/make)`,
      `v1$$(touch ${folder}/both)`,
    ];
    for (const tag of traps)
      await expect(
        output('make', ['-C', root, '--no-print-directory', 'release-notes', `TAG=${tag}`]),
      ).rejects.toThrow(`${JSON.stringify(tag)} is no tag of a release`);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  const changelog =
    '# Changelog\n\n## Unreleased\n\n- later\n\n## [1.2.3] - 2026-01-01\n\n### Added\n\n- this\n\n## 1.2.2\n\n- before\n';

  it('is told of by its own section of the changelog', () => {
    const notes = releaseNotes(changelog, '1.2.3');
    expect(notes).toMatch(/^### Added\n\n- this\n\n## Install/);
    expect(notes).not.toMatch(/later|before/);
    expect(notes).toContain('cosign verify ghcr.io/cnpg-mcp/cnpg-mcp:1.2.3');
  });

  it('is refused without one', () => {
    expect(() => releaseNotes(changelog, '1.2.4')).toThrow('## 1.2.4');
  });
});
