import { describe, expect, it } from 'vitest';
import type { Terminal } from './commands/command.ts';
import { runProgram } from './program.ts';

async function run(args: string[], environment: NodeJS.ProcessEnv = {}) {
  let [out, error] = ['', ''];
  const terminal: Terminal = {
    environment,
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
    watched: false,
    ask: undefined,
  };
  const status = await runProgram(args, terminal);
  return { status, out, error };
}

describe('the program', () => {
  it('lists its commands', async () => {
    const { status, out } = await run(['--help']);
    expect(status).toBe(0);
    for (const name of [
      'serve',
      'stdio',
      'call',
      'tools',
      'doctor',
      'config',
      'healthcheck',
      'version',
      'demo',
    ]) {
      expect(out).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    }
  });

  it('says its version', async () => {
    const { out } = await run(['--version']);
    expect(out).toMatch(/^cnpg-mcp \d+\.\d+\.\d+ \(Node v\d+/);
    expect(await run(['version'])).toEqual({ status: 0, out, error: '' });
  });

  it.each(['serve', 'stdio', 'call', 'tools', 'doctor', 'config', 'healthcheck', 'version', 'demo'])(
    'has help for %s, in two spellings',
    async (name) => {
      const { status, out } = await run([name, '--help']);
      expect(status).toBe(0);
      expect(out).toContain(`Usage: cnpg-mcp ${name}`);
      expect(await run(['help', name])).toMatchObject({ out });
    },
  );

  it.each([
    [['server'], 'unknown command server; did you mean serve?'],
    [['constructor'], 'unknown command constructor'],
    [['serve', '--prt=1'], 'Unknown option --prt; did you mean --port?'],
    [['--transprt', 'http'], 'Unknown option --transprt; did you mean --transport?'],
    [['--transport', 'carrier-pigeon'], 'transport (flag --transport): expected one of "stdio"|"http"'],
    [['serve', '--host=0.0.0.0', '--port=0'], 'Refusing to listen on 0.0.0.0'],
    [['--transport=http', '--host=0.0.0.0', '--port=0'], 'Refusing to listen on 0.0.0.0'],
    [['tools', '--toolsets=cluster'], 'toolsets at 0'],
  ])('ends %j with status 2 and says: %s', async (args, message) => {
    const { status, out, error } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain(message);
  });

  it('shows the configuration with origins and without secrets', async () => {
    const secret = 's3cr3t'.repeat(6);
    const { status, out } = await run(['config', '--port=1'], {
      CNPG_MCP_CONFIRMATION_KEY: secret,
      CNPG_MCP_NAMESPACES: 'a,b',
    });
    expect(status).toBe(0);
    expect(out).toMatch(/^port +1 {2}\(flag --port\)$/m);
    expect(out).toMatch(/^namespaces +\["a","b"\] {2}\(environment CNPG_MCP_NAMESPACES\)$/m);
    expect(out).toMatch(/^confirmationKey +\*+ {2}\(environment CNPG_MCP_CONFIRMATION_KEY\)$/m);
    expect(out).not.toContain('s3cr3t');
    expect(JSON.parse((await run(['config', '--json'])).out)).toContainEqual({
      key: 'port',
      value: 3000,
      origin: 'default',
    });
  });
});
