/** Marks text that strangers can write, so that it is read as data and not as an instruction. */
import { randomBytes } from 'node:crypto';

/** What is not seen, or changes how the rest is seen: control (but newline and tab), format, bidirectional, zero-width,
 * tag, variation-selector, private-use and unassigned characters. */
const invisible = /[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]--[\n\t]]/gv;

/** Removes what cannot be seen and caps the length (in UTF-16 units, cut between characters). */
export function cleanText(text: string, maxLength = 1000): string {
  const visible = text.replace(invisible, '');
  if (visible.length <= maxLength) return visible;
  let end = maxLength;
  const last = visible.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end -= 1;
  return `${visible.slice(0, end)} [… ${visible.length - end} more characters]`;
}

/** A delimiter of one answer: nobody can know it beforehand, so nobody can close it from inside. */
export class Fence {
  #id: string | undefined;

  /** Made when it is first needed: most answers quote nothing. */
  get id(): string {
    this.#id ??= randomBytes(6).toString('hex');
    return this.#id;
  }

  /** `«data 1f2e…» text «end 1f2e…»`; empty text stays empty. */
  quote(text: string | undefined, maxLength?: number): string {
    if (text === undefined || text === '') return '';
    return `«data ${this.id}» ${cleanText(text, maxLength).replaceAll(this.id, '')} «end ${this.id}»`;
  }
}
