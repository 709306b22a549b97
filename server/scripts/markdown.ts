/** Small pieces of Markdown. */

/** First line of every page that is made by a program. */
export const generatedNote =
  '<!-- Made from the code by `pnpm run generate`: change the code, not this page. -->';

/** Text for a table cell. What stands in a code span is shown as it is written, so it is not escaped. */
export function cell(text: string): string {
  const escaped = (part: string): string => part.replaceAll('*', '\\*').replaceAll('<', '&lt;');
  const parts = text
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ')
    .split(/(`[^`]*`)/u);
  return parts.map((part, index) => (index % 2 === 1 ? part : escaped(part))).join('');
}

/** A table; the cells must be fit for one already (see {@link cell}). */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
