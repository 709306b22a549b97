import { describe, expect, it } from 'vitest';
import type { Command, Terminal } from './command.ts';
import { parseCommandLine } from './command-line.ts';
import { commandHelp } from './help.ts';

const terminal: Terminal = {
  environment: {},
  out: () => undefined,
  error: () => undefined,
  watched: false,
  ask: undefined,
};

const command: Command = {
  usage: 'try THING [--json] [settings]',
  description: 'Tries a thing.',
  options: { json: { switch: true, description: 'Print JSON.' }, output: { description: 'Where to.' } },
  sections: ['http', 'policy'],
  positionals: { min: 1, max: 2 },
  run: async () => 0,
};

function parse(...args: string[]) {
  const invocation = parseCommandLine(command, args, terminal);
  if (invocation === 'help') throw new Error('Help was asked for.');
  return invocation;
}

describe('a command line', () => {
  it('tells arguments, own options, settings and the file apart', () => {
    const { positionals, options, sources } = parse(
      'a',
      '--json',
      '--port',
      '5',
      '--config=/c',
      '--read-only',
      'b',
      '--output=x',
    );
    expect(positionals).toEqual(['a', 'b']);
    expect(Object.fromEntries(options)).toEqual({ json: true, output: 'x' });
    expect(Object.fromEntries(sources.flags ?? [])).toEqual({ port: '5', 'read-only': 'true' });
    expect(sources.file).toBe('/c');
  });

  it('takes a boolean setting with its value too', () => {
    expect(parse('a', '--read-only=false').sources.flags?.get('read-only')).toBe('false');
  });

  it('takes a list in one flag or in several; of other flags the last counts', () => {
    const { flags } = parse('a', '--namespaces', 'x,y', '--namespaces', 'z', '--port=1', '--port=2').sources;
    expect(flags?.get('namespaces')).toBe('x,y,z');
    expect(flags?.get('port')).toBe('2');
  });

  it.each([
    [['a', '--prot', '5'], 'Unknown option --prot; did you mean --port?'],
    [['a', '--readonly'], 'Unknown option --readonly; did you mean --read-only?'],
    [['a', '--frobnicate-now'], 'Unknown option --frobnicate-now.'],
    [['a', '-x'], 'Unknown option -x.'],
    [['a', '--kubeconfig', '/k'], 'Unknown option --kubeconfig'],
    [['a', '--confirmation-key=secret'], 'Give it in CNPG_MCP_CONFIRMATION_KEY.'],
    [['a', '--port'], '--port needs a value'],
    [['a', '--port', '--host', '::1'], '--port needs a value'],
    [['a', '--json=yes'], '--json takes no value'],
    [[], 'Too few arguments: cnpg-mcp try THING'],
    [['a', 'b', 'c'], 'Unexpected argument: c'],
  ])('%j is refused: %s', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it('names the file flag instead of the closest one when a secret is given as a flag, without repeating the secret', () => {
    const wide: Command = { ...command, sections: ['confirmation'] };
    const failing = () => parseCommandLine(wide, ['a', '--confirmation-key', 'hush'], terminal);
    expect(failing).toThrow(
      'There is no --confirmation-key: a flag shows a secret to everybody who can list processes. ' +
        'Give it in a file that --confirmation-key-file names or CNPG_MCP_CONFIRMATION_KEY.',
    );
    expect(failing).not.toThrow('hush');
  });

  it('asks for help with --help or -h, wherever it stands', () => {
    expect(parseCommandLine(command, ['a', '--help'], terminal)).toBe('help');
    expect(parseCommandLine(command, ['-h'], terminal)).toBe('help');
  });
});

describe('the help of a command', () => {
  const help = commandHelp(command);

  it('shows usage, own options and the settings of its sections', () => {
    expect(help).toContain('Usage: cnpg-mcp try THING');
    expect(help).toContain('--json\n');
    expect(help).toMatch(/--port NUMBER\n.*Default: 3000\./s);
    expect(help).toMatch(/--toolsets clusters\|.*,…/);
    expect(help).toContain('--read-only\n');
  });

  it('leaves out what the command does not take, and secrets', () => {
    expect(help).not.toContain('--kubeconfig');
    expect(help).not.toContain('--confirmation-key');
  });

  it('fits a terminal', () => {
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});
