/** The audit log of a process: where its lines go, and when the file is opened anew. */
import type { Config } from '../config/schema.ts';
import { UsageError } from '../config/usage-error.ts';
import { type Audit, createAudit } from '../observability/audit.ts';
import { openAuditFile } from '../observability/audit-file.ts';
import type { Logger } from '../observability/logger.ts';

/**
 * Opens it. Without a file the lines go to `otherwise`. SIGHUP opens the file anew, as log rotation expects. Throws
 * {@link UsageError} when the file cannot be opened.
 */
export function openAuditLog(
  { file: path }: Config['audit'],
  logger: Logger,
  otherwise: { write(line: string): unknown },
): { audit: Audit; close(): void } {
  if (path === undefined) {
    return { audit: createAudit({ stream: otherwise, logger }), close: () => undefined };
  }
  const file = (() => {
    try {
      return openAuditFile(path, (message) => logger.error(message));
    } catch (thrown) {
      throw new UsageError(`audit.file: ${path} cannot be opened: ${(thrown as Error).message}.`);
    }
  })();
  process.on('SIGHUP', file.reopen);
  return {
    audit: createAudit({ stream: file, logger }),
    close() {
      process.removeListener('SIGHUP', file.reopen);
      file.close();
    },
  };
}
