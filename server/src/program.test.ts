import { describe, expect, it } from 'vitest';
import { runOnTerminal } from '../test/terminal.ts';

describe('the program', () => {
  it('lists its commands', async () => {
    const { status, out } = await runOnTerminal(['--help']);
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
    const { out } = await runOnTerminal(['--version']);
    expect(out).toMatch(/^cnpg-mcp \d+\.\d+\.\d+ \(Node v\d+/);
    expect(await runOnTerminal(['version'])).toMatchObject({ status: 0, out, error: '' });
  });

  it.each(['serve', 'stdio', 'call', 'tools', 'doctor', 'config', 'healthcheck', 'version', 'demo'])(
    'has help for %s, in two spellings',
    async (name) => {
      const { status, out } = await runOnTerminal([name, '--help']);
      expect(status).toBe(0);
      expect(out).toContain(`Usage: cnpg-mcp ${name}`);
      expect(await runOnTerminal(['help', name])).toMatchObject({ out });
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
    const { status, out, error } = await runOnTerminal(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(error).toContain(message);
  });

  it('shows the configuration with origins and without secrets', async () => {
    const secret = 's3cr3t'.repeat(6);
    const { status, out } = await runOnTerminal(['config', '--port=1'], {
      environment: { CNPG_MCP_CONFIRMATION_KEY: secret, CNPG_MCP_NAMESPACES: 'a,b' },
    });
    expect(status).toBe(0);
    expect(out).toMatch(/^port +1 {2}\(flag --port\)$/m);
    expect(out).toMatch(/^namespaces +\["a","b"\] {2}\(environment CNPG_MCP_NAMESPACES\)$/m);
    expect(out).toMatch(/^confirmationKey +\*+ {2}\(environment CNPG_MCP_CONFIRMATION_KEY\)$/m);
    expect(out).not.toContain('s3cr3t');
    expect(JSON.parse((await runOnTerminal(['config', '--json'])).out)).toContainEqual({
      key: 'port',
      value: 3000,
      origin: 'default',
    });
  });
});
