/** How much memory the JavaScript engine takes for itself. */
import { setFlagsFromString } from 'node:v8';

/**
 * Keeps resident memory near what is in use. By default V8 lets the heap of a busy process grow to several times its
 * content: this server needs 26 MB and would hold 330 MB after 20,000 calls; with these settings it stays at half of that
 * (docs/performance.md). Call it before anything large is loaded; on the command line the flags do a little more.
 */
export function preferSmallMemory(): void {
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--semi-space-growth-factor=1');
}
