/** Small pieces of Markdown. */

/** First line of every page that is made by a program. */
export const generatedNote =
  '<!-- Made from the code by `pnpm run generate`: change the code, not this page. -->';

/** Text for a table cell. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}

/** A table; the cells must be fit for one already (see {@link cell}). */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
