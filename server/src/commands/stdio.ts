import { compose } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import { connectStdio } from '../mcp/stdio.ts';
import { createLogger } from '../observability/logger.ts';
import { openAuditLog } from './audit-log.ts';
import type { Command } from './command.ts';
import { openReadinessLog } from './readiness-log.ts';
import { endRequested } from './signals.ts';

export const command: Command = {
  usage: 'stdio [settings]',
  description:
    'Serves the MCP client that started it, on standard input and output. Log and audit lines go to standard error. It ends ' +
    'when the client closes its input.',
  sections: ['process', 'kubernetes', 'policy', 'confirmation', 'audit', 'postgresql'],
  async run({ terminal, sources }) {
    const { config } = await loadConfig(sources);
    const logger = createLogger({ level: config.logLevel });
    const { audit, close: closeAudit } = openAuditLog(config.audit, logger, process.stderr);
    const { kube, surface, close } = await compose(config, {
      audit(record) {
        audit.toolCall(record);
        readiness.called(record);
      },
      onProblem: (message) => logger.warn(message),
    });
    const readiness = openReadinessLog(kube, logger);
    const connection = await connectStdio(surface, {
      input: process.stdin,
      output: process.stdout,
      observe: () => undefined,
      onDefect: (error) => logger.error({ err: error }, 'An MCP request failed with an internal error.'),
    });
    if (terminal.watched && process.stdin.isTTY) {
      terminal.error(
        'Waiting for an MCP client on standard input. cnpg-mcp --help lists the other commands.\n',
      );
    }
    await Promise.race([connection.closed, endRequested()]);
    readiness.probe.drain();
    await connection.close();
    await close();
    closeAudit();
    // It would keep the process alive while the client holds the other end open.
    process.stdin.destroy();
    return 0;
  },
};
