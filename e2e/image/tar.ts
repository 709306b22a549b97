/** Writes tar archives (POSIX ustar): the same entries always give the same bytes. */

/** Something in an archive, owned by root and dated at the epoch. Folders come before what is in them. */
export type TarEntry =
  | { type: 'folder'; path: string; mode: number }
  | { type: 'file'; path: string; mode: number; content: Buffer };

const blockBytes = 512;
const typeFlags = { file: '0', folder: '5' } as const;

/** Puts entries into one archive. Paths are relative; throws for one that the format cannot hold. */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.type === 'file' ? entry.content : Buffer.alloc(0);
    const padding = (blockBytes - (content.byteLength % blockBytes)) % blockBytes;
    return [header(entry, content.byteLength), content, Buffer.alloc(padding)];
  });
  // Two blocks of zeros end an archive.
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function header({ type, path, mode }: TarEntry, size: number): Buffer {
  const name = type === 'folder' ? `${path}/` : path;
  const { prefix, rest } = split(name);
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset);
  };
  block.write(rest, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8); // user
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // modification time
  block.write(' '.repeat(8), 148); // the checksum counts as spaces while it is computed
  block.write(typeFlags[type], 156);
  block.write('ustar\x0000', 257);
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** A name has 100 bytes; what comes before one of its slashes may be in another field of 155. */
function split(name: string): { prefix: string; rest: string } {
  if (Buffer.byteLength(name) <= 100) return { prefix: '', rest: name };
  for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
    const [prefix, rest] = [name.slice(0, at), name.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && rest !== '' && Buffer.byteLength(rest) <= 100)
      return { prefix, rest };
  }
  throw new Error(`A tar archive cannot hold a path as long as ${name}.`);
}
