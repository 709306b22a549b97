import { describe, expect, it } from 'vitest';
import { releasedVersions, releaseNotes } from './releases.ts';

describe('a release', () => {
  it('has one version', async () => {
    expect(new Set(Object.values(await releasedVersions())).size).toBe(1);
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
