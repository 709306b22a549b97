/** Text that people other than the operator can put into objects. Views never pass it on unmarked. */

/** Marks text as data. The answer's fence, as far as this folder needs to know it. */
export type Quote = (text: string | undefined, maxLength?: number) => string;

/** Letters, digits and the punctuation of images, sizes and settings; no spaces, so no sentence. */
const singleWord = /^[\p{L}\p{N}_.:/@+%*,=-]{1,256}$/u;

/** Leaves a single word as it is (an image, a size, a role name, `256MB`), marks everything else. */
export function wordOrQuoted(text: string | undefined, quote: Quote): string {
  return text !== undefined && singleWord.test(text) ? text : quote(text, 300);
}
