/** Text that people other than the operator can put into objects. Views never pass it on unmarked. */
import { unseen } from '../unseen.ts';

/** Marks text as data. The answer's fence, as far as this folder needs to know it. */
export type Quote = (text: string | undefined, maxLength?: number) => string;

/** Letters, digits and the punctuation of images, sizes and settings; no spaces, so no sentence. */
const singleWord = /^[\p{L}\p{N}_.:/@+%*,=-]{1,256}$/u;

/** Leaves a single word as it is (an image, a size, a role name, `256MB`), marks everything else. */
export function wordOrQuoted(text: string | undefined, quote: Quote): string {
  return text !== undefined && singleWord.test(text) ? text : quote(text, 300);
}

/** A name as people write it: letters, digits, `_`, `-`, `.` and `$`; no spaces, so no sentence. */
const plainName = /^[\p{L}\p{M}\p{N}_.$-]{1,63}$/u;

/** True for a name that an answer may show as it is, without marking it as data. */
export function isPlainName(name: string): boolean {
  return plainName.test(name) && !unseen.test(name);
}

/**
 * A name of the cluster in a sentence that has no fence (a summary, a step, an error): as it is when it is a plain one, else
 * as a JSON string on one line, cut after 63 characters, with nothing invisible in it.
 */
export function nameOrLiteral(name: string): string {
  if (isPlainName(name)) return name;
  const seen = [...name.replace(/\s+/gu, ' ')].filter((character) => !unseen.test(character));
  return JSON.stringify(seen.length > 63 ? `${seen.slice(0, 63).join('')}…` : seen.join(''));
}
