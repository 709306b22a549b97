import { expect, it } from 'vitest';
import { cell } from './markdown.ts';

it('escapes what Markdown would take for its own, but in code spans, which are shown as they are', () => {
  expect(cell('a|b, prod-* and <c>')).toBe('a\\|b, prod-\\* and &lt;c>');
  expect(cell('Usually `<release>-*`, or <c>\nnext.')).toBe('Usually `<release>-*`, or &lt;c> next.');
});
