/** Reads a file that others replace, break or let hang while the server runs, at bounded cost. */
import type { BigIntStats } from 'node:fs';
import { constants, open, stat } from 'node:fs/promises';

export interface SmallFileLimits {
  /** Largest size. */
  bytes: number;
  /** How long one look may take. */
  milliseconds: number;
}

/** A file as it was at one look. */
export interface FileVersion {
  /** Differs whenever the content does. */
  version: string;
  /** The content; `undefined`: it is of the version that is known already, and was not read. */
  text: string | undefined;
}

/** Looks at the file; `known` is the version that need not be read again. Rejects, with a reason for people, when it cannot. */
export type SmallFile = (known?: string) => Promise<FileVersion>;

/**
 * Most looks that hang at the same time. A call to a file system that does not answer cannot be cancelled and holds one of the
 * four threads that Node has for all files; what hangs for good must not take the last of them, and one look that hangs must
 * not keep the next from finding the file where it is back.
 */
const mostHanging = 2;

/** Only regular files within the limits are read: a FIFO would hang, a device might never end. */
export function smallFile(path: string, limits: SmallFileLimits): SmallFile {
  const hanging = new Set<Promise<FileVersion>>();
  return async (known) => {
    if (hanging.size >= mostHanging) throw new TypeError('its file system does not answer');
    const look = lookAt(path, limits.bytes, known);
    hanging.add(look);
    let timer: NodeJS.Timeout | undefined;
    const tooSlow = new Promise<never>((_resolve, reject) => {
      const seconds = limits.milliseconds / 1000;
      const problem = new TypeError(`reading it has taken longer than ${seconds} seconds`);
      timer = setTimeout(() => reject(problem), limits.milliseconds).unref();
    });
    const forget = () => void hanging.delete(look);
    look.then(forget, forget);
    try {
      return await Promise.race([look, tooSlow]);
    } finally {
      clearTimeout(timer);
    }
  };
}

async function lookAt(path: string, bytes: number, known: string | undefined): Promise<FileVersion> {
  // Before it is opened: opening alone can hang, or make a device do something.
  const before = versionOf(await stat(path, { bigint: true }), bytes);
  if (before === known) return { version: before, text: undefined };
  // It may be another by now; without O_NONBLOCK a FIFO would wait for somebody who writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const version = versionOf(await file.stat({ bigint: true }), bytes);
    const content = Buffer.alloc(bytes + 1);
    let length = 0;
    for (let read = 1; read > 0; length += read) {
      read = (await file.read(content, length, content.length - length, null)).bytesRead;
    }
    if (length > bytes) throw tooLarge(bytes);
    return { version, text: content.toString('utf8', 0, length) };
  } finally {
    await file.close();
  }
}

/**
 * Changes with the content: a mounted Secret changes its target and inode, not always its size, and `cp -p` the time of the
 * inode, not that of the content. Throws for what must not be read.
 */
function versionOf(stats: BigIntStats, bytes: number): string {
  if (!stats.isFile()) throw new TypeError('it is not a regular file');
  if (stats.size > bytes) throw tooLarge(bytes);
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

const tooLarge = (bytes: number): Error => new TypeError(`it is larger than ${bytes} bytes`);
