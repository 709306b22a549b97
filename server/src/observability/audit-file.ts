/** A file that audit lines are appended to. Whoever rotates it may move it away: the next line goes to a new one. */
import { closeSync, openSync, statSync, writeSync } from 'node:fs';

/** Milliseconds between two looks whether the file is still the one that is open. */
const lookEvery = 1_000;

export interface AuditFile {
  write(line: string): void;
  /** Opens the file anew with the next line: on SIGHUP. */
  reopen(): void;
  close(): void;
}

/**
 * Opens it, readable by this user only. Throws when it cannot be opened. Later failures are reported and tried again with
 * every line. Lines are written at once and whole, so that none is lost when the process ends.
 */
export function openAuditFile(
  path: string,
  onProblem: (message: string) => void,
  now: () => number = Date.now,
): AuditFile {
  let open: { descriptor: number; inode: number; device: number } | undefined = openFile(path);
  let lookedAt = now();

  const release = (): void => {
    if (open) closeSync(open.descriptor);
    open = undefined;
  };
  const isMoved = (): boolean => {
    if (!open || now() - lookedAt < lookEvery) return false;
    lookedAt = now();
    const there = statSync(path, { throwIfNoEntry: false });
    return there?.ino !== open.inode || there.dev !== open.device;
  };
  return {
    write(line) {
      try {
        if (isMoved()) release();
        open ??= openFile(path);
        writeSync(open.descriptor, line);
      } catch (thrown) {
        release();
        onProblem(`An audit line was not written to ${path}: ${(thrown as Error).message}`);
      }
    },
    reopen: release,
    close: release,
  };
}

function openFile(path: string) {
  const descriptor = openSync(path, 'a', 0o600);
  const { ino, dev } = statSync(path);
  return { descriptor, inode: ino, device: dev };
}
