import { describe, expect, it } from 'vitest';
import { creationOf } from './creation.ts';

const asked = {
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'demo' },
  spec: { size: 3, mode: 'on', parts: [{ name: 'x' }], list: ['a', 'b'] },
};
const stored = (spec: object, metadata: object = {}) => ({
  ...asked,
  metadata: { ...asked.metadata, uid: 'u', resourceVersion: '1', creationTimestamp: 'now', ...metadata },
  spec: { ...asked.spec, ...spec },
  status: { phase: 'x' },
});

describe('creationOf', () => {
  it('finds nothing to tell when the object is stored as it was asked for', () => {
    expect(creationOf('Thing a', asked, stored({}))).toMatchObject({ changed: [], defaults: [] });
  });

  it('shows what was asked for as a manifest that kubectl takes, and nothing that was filled in', () => {
    const { manifest } = creationOf('Thing a', asked, stored({ extra: 1 }));
    expect(manifest).toContain('mode: "on"');
    expect(manifest).not.toMatch(/extra|uid|phase/);
  });

  it('names what is filled in, at any depth, the shortest path first', () => {
    const after = stored(
      { parts: [{ name: 'x', weight: 1 }], deep: { er: 1 } },
      { annotations: { by: 'hook' } },
    );
    expect(creationOf('Thing a', asked, after)).toMatchObject({
      changed: [],
      defaults: ['metadata.annotations', 'spec.deep', 'spec.parts[0].weight'],
    });
  });

  it('names what is stored differently, and what is dropped', () => {
    const { mode: _mode, ...rest } = stored({ size: 5, list: ['a'] }).spec;
    const { changed } = creationOf('Thing a', asked, { ...stored({}), spec: rest });
    expect(changed).toEqual([
      { path: 'spec.size', asked: '3', stored: '5' },
      { path: 'spec.mode', asked: '"on"' },
      { path: 'spec.list', asked: '["a","b"]', stored: '["a"]' },
    ]);
  });

  it('neither shows nor compares the values of a Secret', () => {
    const secret = { ...asked, kind: 'Secret', stringData: { password: 'hunter2' } };
    const { stringData: _text, ...kept } = secret;
    const after = { ...kept, data: { password: 'aHVudGVyMg==' } };
    const creation = creationOf('Secret a', secret, after);
    expect(creation).toMatchObject({ changed: [], defaults: [] });
    expect(creation.manifest).toContain('password: (not shown)');
    expect(JSON.stringify(creation)).not.toMatch(/hunter2|aHVudGVyMg/);
  });
});
