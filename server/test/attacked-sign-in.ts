/** Sign-in as an attacker meets it: an identity provider that does anything, a server in front, and everything that is said. */
import { expect, vi } from 'vitest';
import { createAuthenticator } from '../src/auth/authenticator.ts';
import { type Issuer, openIssuer } from '../src/auth/issuer.ts';
import { builtInRules, defaultClaimPaths, type OidcOptions } from '../src/auth/options.ts';
import type { Authentication } from '../src/http/authenticator.ts';
import { createAudit } from '../src/observability/audit.ts';
import { createLogger } from '../src/observability/logger.ts';
import type { FakeIdp } from './fake-idp.ts';
import { request, type SmallApp, startSmallApp } from './small-app.ts';

export const resource = 'https://mcp.example.com/mcp';

export class AttackedSignIn {
  /** What was reported about the identity provider. */
  problems: string[] = [];
  issuer: Issuer;
  readonly #idp: FakeIdp;
  /** Everything that the application and its audit log wrote. */
  readonly #lines: string[] = [];
  #authenticator!: ReturnType<typeof createAuthenticator>;
  #app!: SmallApp;

  private constructor(idp: FakeIdp) {
    this.#idp = idp;
    this.issuer = this.open();
  }

  /** Starts the server, and waits for the provider. */
  static async start(idp: FakeIdp): Promise<AttackedSignIn> {
    const attacked = new AttackedSignIn(idp);
    const stream = { write: (line: string) => void attacked.#lines.push(line) };
    const logger = createLogger({ level: 'debug', stream });
    attacked.#app = await startSmallApp({
      logger,
      auditRefusal: createAudit({ stream, logger }).refusal,
      // Whichever was opened last.
      authenticator: { authenticate: (given) => attacked.#authenticator.authenticate(given) },
    });
    await attacked.ready();
    return attacked;
  }

  options(more: Partial<OidcOptions> = {}): OidcOptions {
    return {
      issuer: this.#idp.issuer,
      audiences: [resource],
      claims: defaultClaimPaths,
      rules: builtInRules,
      scopePrefix: '',
      maxTokenLifetimeSeconds: 86_400,
      ...more,
    };
  }

  /** Opens sign-in with other options; close the issuer before. */
  open(more: Partial<OidcOptions> = {}): Issuer {
    const options = this.options(more);
    this.issuer = openIssuer(options, (message) => this.problems.push(message));
    this.#authenticator = createAuthenticator({
      oidc: { options, issuer: this.issuer },
      resourceMetadata: 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
    });
    return this.issuer;
  }

  async reopen(more: Partial<OidcOptions> = {}): Promise<void> {
    await this.issuer.close();
    this.open(more);
  }

  async ready(timeout = 10_000): Promise<void> {
    await vi.waitFor(() => expect(this.issuer.status().ready).toBe(true), { timeout });
  }

  /** Presents headers, as they come in. */
  send(...rawHeaders: string[]): Promise<Authentication> {
    return this.#authenticator.authenticate({
      headers: {},
      rawHeaders,
      remoteAddress: '127.0.0.1',
      url: '/mcp',
    });
  }

  present(token: string): Promise<Authentication> {
    return this.send('Authorization', `Bearer ${token}`);
  }

  /** Expects that a token is refused, also over HTTP, and that nothing of it is in anything that is said about it. */
  async refused(token: string, status = 401): Promise<void> {
    const answer = await this.present(token);
    if (answer.accepted) throw new Error('The token was accepted.');
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    const overHttp = await this.#app.post(request('ping'), { authorization: `Bearer ${token}` });
    expect(overHttp.statusCode).toBe(status);
    expect(this.#lines.join('')).toContain('"type":"refusal"');
    const said = JSON.stringify([answer, this.problems, overHttp.body, overHttp.headers, this.#lines]);
    for (const part of token.split('.').filter((text) => text.length > 20)) {
      expect(said, 'nothing that is said holds anything of the token').not.toContain(part);
    }
  }

  async close(): Promise<void> {
    await this.#app.app.main.close();
    await this.issuer.close();
  }
}
