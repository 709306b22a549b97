import { compose } from '../compose.ts';
import { loadConfig } from '../config/load.ts';
import { oidcFilePlaces } from '../config/oidc-file.ts';
import type { Config } from '../config/schema.ts';
import { everySection } from '../config/setting.ts';
import { UsageError } from '../config/usage-error.ts';
import { localPrincipal } from '../policy/principal.ts';
import type { Command } from './command.ts';
import type { Check } from './doctor-check.ts';
import { checkCluster } from './doctor-checks.ts';
import { checkSettings } from './doctor-settings.ts';
import { abortOnSignals } from './signals.ts';

const outputs = ['text', 'short', 'json'];

export const command: Command = {
  usage: 'doctor [--pre] [--output text|short|json] [settings]',
  description:
    'Checks, without changing anything, that this server can do its work: settings, cluster, identity, operator, and the rights of ' +
    'every tool. What each check means: docs/doctor.md. Exit status 0: no check failed (warnings are no failure). 1: one did. ' +
    '2: wrong usage or settings. 3: the cluster cannot be reached.',
  options: {
    pre: {
      switch: true,
      description: 'Before the installation: whether the caller may install the server here.',
    },
    output: {
      description: 'text (default): one line a check. short: only what is wrong. json: for programs.',
    },
  },
  // Those of `serve`, so that a server's command line can be checked as it is.
  sections: everySection,
  async run({ terminal, options, sources }) {
    const output = options.get('output') ?? 'text';
    if (output === true || !outputs.includes(output))
      throw new UsageError('--output is text, short or json.');
    const { config } = await loadConfig({ ...sources, oidcFilePlaces });
    const checks: Check[] = [];
    let group = '';
    for await (const check of allChecks(config, options.has('pre'))) {
      checks.push(check);
      if (output === 'short' && isWrong(check)) terminal.out(`${line(check)}\n`);
      if (output !== 'text') continue;
      if (check.group !== group) terminal.out(`${group === '' ? '' : '\n'}${check.group}\n`);
      group = check.group;
      terminal.out(`  ${line(check)}\n`);
    }
    const failed = checks.filter(({ status }) => status === 'failed');
    const warnings = checks.filter(({ status }) => status === 'warning').length;
    if (output === 'json') terminal.out(`${JSON.stringify({ ok: failed.length === 0, checks }, null, 2)}\n`);
    else {
      const counts = `${checks.length} checks: ${failed.length} failed, ${warnings} with a warning.`;
      terminal.out(`${output === 'text' ? '\n' : ''}${counts}\n`);
    }
    if (failed.some(({ id }) => id === 'cluster-configured' || id === 'api-reachable')) return 3;
    return failed.length === 0 ? 0 : 1;
  },
};

async function* allChecks(config: Config, beforeInstalling: boolean): AsyncGenerator<Check> {
  if (!beforeInstalling) yield* checkSettings(config);
  // Whether the key can be read is told above; no check here needs it.
  const { confirmationKeyFile: _, ...rest } = config;
  const { kube, registry, close } = await compose(rest, { audit: () => undefined });
  const { signal, release } = abortOnSignals();
  try {
    const tools = registry.list(localPrincipal).flatMap(({ name }) => registry.find(name) ?? []);
    yield* checkCluster({ kube, tools, namespaces: config.namespaces, beforeInstalling, signal });
  } finally {
    release();
    await close();
  }
}

const marks = { ok: 'ok  ', warning: 'warn', failed: 'FAIL', skipped: 'skip' } as const;

function isWrong({ status }: Check): boolean {
  return status === 'warning' || status === 'failed';
}

function line(check: Check): string {
  const { id, subject, status, message, remedy, documentation } = check;
  const what = subject === undefined ? id : `${id} ${subject}`;
  const help = `${remedy ? ` Remedy: ${remedy}` : ''}${isWrong(check) ? ` See ${documentation}` : ''}`;
  // What a library says ends without a full stop.
  const said = help === '' || message.endsWith('.') ? message : `${message}.`;
  return `${marks[status]}  ${what}: ${said}${help}`;
}
