import { describe, expect, it } from 'vitest';
import { snippetsOf } from './reader.ts';

const read = (...lines: string[]): string[] =>
  snippetsOf('a.md', lines.join('\n')).map(({ kind, line, text }) => `${line} ${kind}: ${text}`);

describe('what a page has to try out', () => {
  it('is every line of a block of commands, without comments, with continued lines as one', () => {
    expect(
      read('```sh', 'make test   # the tests', '', '# all', 'helm test x \\', '  --logs', '```'),
    ).toEqual(['2 command: make test', '6 command: helm test x --logs']);
  });

  it('is in blocks of list items, too', () => {
    expect(read('- Do it:', '', '  ```sh', '  make test', '  ```', '', '  More.')).toEqual([
      '4 command: make test',
    ]);
  });

  it('is in indented blocks, but what continues an item is none', () => {
    expect(read('So:', '', '    make test', '    make e2e', '', '1. One', '', '    and more')).toEqual([
      '3 command: make test',
      '4 command: make e2e',
    ]);
  });

  it('is what sentences and tables name with at least one word after the program', () => {
    expect(read('`make` has `make\n  test`.', '| `kubectl get pods` | `--flag` |')).toEqual([
      '1 inline: make',
      '1 command: make test',
      '3 command: kubectl get pods',
      '3 inline: --flag',
    ]);
  });

  it('is the content of other blocks as a whole', () => {
    expect(read('```yaml', '# values.yaml', 'a: 1', '```')).toEqual(['2 block: # values.yaml\na: 1\n']);
  });

  it('cannot be hidden in a block without an end', () => {
    expect(() => read('```sh', 'make test')).toThrow('a.md:1');
  });
});
