import { compose } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import { UsageError } from '../config/usage-error.ts';
import { localPrincipal } from '../policy/principal.ts';
import type { Command } from './command.ts';
import { type Check, checkEverything } from './doctor-checks.ts';
import { abortOnSignals } from './signals.ts';

const outputs = ['text', 'json'];

export const command: Command = {
  usage: 'doctor [--output text|json] [settings]',
  description:
    'Checks, without changing anything, that this server can do its work: cluster, identity, operator, and the rights of every tool. ' +
    'Exit status 1 when a check failed; warnings are no failure.',
  options: { output: { description: 'text (default): one line a check. json: for programs.' } },
  sections: ['kubernetes', 'policy'],
  async run({ terminal, options, sources }) {
    const output = options.get('output') ?? 'text';
    if (output === true || !outputs.includes(output))
      throw new UsageError(`--output is ${outputs.join(' or ')}.`);
    const { config } = await loadConfig(sources);
    const { kube, registry, close } = await compose(config, { audit: () => undefined });
    const { signal, release } = abortOnSignals();
    const checks: Check[] = [];
    try {
      const tools = registry.list(localPrincipal).flatMap(({ name }) => registry.find(name) ?? []);
      let group = '';
      for await (const check of checkEverything({ kube, tools, namespaces: config.namespaces, signal })) {
        checks.push(check);
        if (output === 'json') continue;
        if (check.group !== group) terminal.out(`${group === '' ? '' : '\n'}${check.group}\n`);
        group = check.group;
        terminal.out(`  ${line(check)}\n`);
      }
    } finally {
      release();
      await close();
    }
    const failed = checks.filter(({ status }) => status === 'failed').length;
    const warnings = checks.filter(({ status }) => status === 'warning').length;
    if (output === 'json') terminal.out(`${JSON.stringify({ ok: failed === 0, checks }, null, 2)}\n`);
    else terminal.out(`\n${checks.length} checks: ${failed} failed, ${warnings} with a warning.\n`);
    return failed === 0 ? 0 : 1;
  },
};

const marks = { ok: 'ok  ', warning: 'warn', failed: 'FAIL', skipped: 'skip' } as const;

function line({ id, status, message, remedy }: Check): string {
  return `${marks[status]}  ${id}: ${message}${remedy ? ` Remedy: ${remedy}` : ''}`;
}
