/** What becomes of a program whose standard output cannot be written any more. */

/**
 * It goes on, says so, and ends with status 1: a server has only lost a line of its audit log. A reader that goes away (`| head`) is no
 * error at all.
 */
export function outliveOutput(program: string): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') return;
    process.stderr.write(`${program}: The output cannot be written: ${message}\n`);
    process.exitCode = 1;
  });
}
