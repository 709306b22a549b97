/** Cuts a stream of bytes into lines, without ever keeping more than one line of bounded length. */
/** Longest line, in bytes. */
export const longestLine = 1_048_576;

const newline = 0x0a;

export class LineReader {
  readonly #onLine: (line: Buffer) => void;
  readonly #onTooLong: () => void;
  #parts: Buffer[] = [];
  #length = 0;
  #dropping = false;

  constructor(onLine: (line: Buffer) => void, onTooLong: () => void) {
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  /** Takes the next bytes. Bound, so that it can be a listener. */
  readonly push = (chunk: Buffer): void => {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end));
      this.#flush();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
  };

  /** The stream has ended: what is left is a line too. */
  end(): void {
    this.#flush();
  }

  #add(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > longestLine) {
      this.#dropping = true;
      this.#parts = [];
    } else if (part.length > 0) {
      this.#parts.push(part);
    }
  }

  #flush(): void {
    const line = Buffer.concat(this.#parts);
    const dropped = this.#dropping;
    this.#parts = [];
    this.#length = 0;
    this.#dropping = false;
    if (dropped) this.#onTooLong();
    else if (line.some((byte) => byte > 0x20)) this.#onLine(line);
  }
}
