import { describe, expect, it } from 'vitest';
import { resolveImage, versionOfImage } from './images.ts';

const repository = 'ghcr.io/cloudnative-pg/postgresql';
const mirror = 'registry.example/postgresql';

describe('resolveImage', () => {
  it("takes the operator's own image when the site lists nothing", () => {
    expect(resolveImage('16', { images: {}, repository })).toEqual({ image: `${repository}:16` });
    expect(resolveImage('17.2', { images: {}, repository })).toEqual({ image: `${repository}:17.2` });
  });

  it('takes the newest minor that the site lists for a major', () => {
    const images = { '17.2': `${mirror}:17.2`, '17.10': `${mirror}:17.10`, '16.4': `${mirror}:16.4` };
    expect(resolveImage('17', { images, repository })).toEqual({ image: `${mirror}:17.10` });
    expect(resolveImage('17.2', { images, repository })).toEqual({ image: `${mirror}:17.2` });
  });

  it('prefers an exact entry, whatever it is called', () => {
    const images = { '17': `${mirror}:17-lts`, '17.9': `${mirror}:17.9`, lts: `${mirror}:16` };
    expect(resolveImage('17', { images, repository })).toEqual({ image: `${mirror}:17-lts` });
    expect(resolveImage('lts', { images, repository })).toEqual({ image: `${mirror}:16` });
  });

  it.each(['12', '9.6', 'latest', '17.2.1', '170', 'constructor', '__proto__'])(
    'refuses %s and names the known ones',
    (version) => {
      const answer = resolveImage(version, { images: { '17': `${mirror}:17` }, repository });
      expect(answer).toEqual({ problem: expect.stringContaining('This server knows 17.') });
    },
  );
});

describe('versionOfImage', () => {
  it.each([
    ['ghcr.io/cloudnative-pg/postgresql:17.2-bookworm@sha256:0123', '17.2'],
    ['localhost:5000/postgresql:17', '17'],
    ['postgresql:18-minimal-trixie', '18'],
    ['localhost:5000/postgresql', undefined],
    ['postgresql:latest', undefined],
    [undefined, undefined],
  ])('reads %s', (image, version) => expect(versionOfImage(image)).toBe(version));
});
