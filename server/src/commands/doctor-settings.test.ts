/** What `doctor` says about the settings of a server. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { doctorWorld } from '../../test/doctor-world.ts';
import type { Check } from './doctor-check.ts';

const { path, start, doctor, checks } = doctorWorld();

describe('cnpg-mcp doctor', () => {
  describe('of a server on HTTP', () => {
    const http = (...lines: string[]) => settingsFile('transport: http', ...lines);
    async function settingsFile(...lines: string[]): Promise<string> {
      const file = path('config.yaml');
      await writeFile(file, lines.join('\n'));
      return `--config=${file}`;
    }

    it('says where it would listen', async () => {
      await start();
      const { status, check } = await checks(await http('port: 4000'));
      expect(status).toBe(0);
      expect(check('listening')?.message).toBe('127.0.0.1:4000, and 9464 for health and metrics.');
      expect(check('confirmation-key')?.status).toBe('ok');
    });

    it('takes the flags of serve', async () => {
      await start();
      const { check } = await checks('--transport=http', '--port=4000', '--auth-tokens-file=/missing');
      expect(check('listening')?.message).toMatch(/^127\.0\.0\.1:4000,/);
      expect(check('sign-in')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining('/missing'),
      });
    });

    it('says who may call', async () => {
      await start();
      const signIn = async (...lines: string[]): Promise<Check | undefined> =>
        (await checks(await http(...lines))).check('sign-in');
      expect((await signIn())?.status).toBe('ok');
      const open = ['host: 0.0.0.0', 'allowedHosts: [mcp.example.com]', 'unsafeAllowAnonymous: true'];
      expect((await signIn(...open))?.status).toBe('warning');
      const tokens = path('tokens.yaml');
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(tokens),
      });
      const entry = `{name: a, sha256: "${'0'.repeat(64)}"`;
      await writeFile(tokens, `tokens: [${entry}, impersonate: {user: "system:admin"}}]`);
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(
          'token a (tokens.0) impersonate user: must not begin with "system:"',
        ),
        remedy: expect.stringContaining('one that runs goes on with the tokens that it read before'),
      });
      await writeFile(tokens, `tokens: [${entry}}]`);
      expect(await signIn(`auth: {tokensFile: ${tokens}}`)).toMatchObject({
        status: 'ok',
        message: `Callers need one of the tokens in ${tokens}.`,
      });
    });

    it('says that the identity provider cannot be reached, and which value of the chart lets the server out to it', async () => {
      const { url } = await start();
      // The simulated API server has no discovery document.
      const { status, check } = await checks(
        await http('publicUrl: https://mcp.example.com', `auth: {issuer: "${url}"}`),
      );
      expect(status).toBe(1);
      expect(check('sign-in')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(url),
        remedy: expect.stringContaining('networkPolicy.identityProvider'),
      });
    });

    it('puts a full stop between what a library says and the remedy', async () => {
      await start();
      const { out } = await doctor(
        await http('publicUrl: https://mcp.example.com', 'auth: {issuer: "http://127.0.0.1:1"}'),
      );
      expect(out).toMatch(/FAIL {2}sign-in: .*cannot be used: bad port\. Remedy: /);
    });

    it('says that it would refuse to listen, and that its key cannot be read', async () => {
      await start();
      const missing = path('missing');
      const { status, check } = await checks(
        await http('host: 0.0.0.0', 'unsafeAllowAnonymous: true', `confirmationKeyFile: ${missing}`),
      );
      expect(status).toBe(1);
      expect(check('listening')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining('allowedHosts'),
      });
      expect(check('confirmation-key')).toMatchObject({
        status: 'failed',
        message: expect.stringContaining(missing),
      });
      expect(check('identity')?.status).toBe('ok');
    });
  });
});
