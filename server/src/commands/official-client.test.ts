/**
 * The official client, which knows nothing but the address of this server, and a real OpenID provider: it finds the provider,
 * registers itself, has its user sign in, and comes back for a further scope when a call needs it.
 */

import { randomBytes } from 'node:crypto';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { signInAs } from '../../test/browser.ts';
import { freePort } from '../../test/free-port.ts';
import { desktopClient, type RealIdp, startRealIdp } from '../../test/real-idp.ts';
import { type SmallApp, startSmallApp } from '../../test/small-app.ts';
import { loadConfig } from '../config/load.ts';
import { createLogger } from '../observability/logger.ts';
import { openSignIn, type SignIn } from './sign-in.ts';

/** Nobody listens there: the address that the browser ends at is looked at, not opened. */
const callback = desktopClient.redirectUri;

/** What a client keeps for its user, and the browser that it opens. */
class Person implements OAuthClientProvider {
  readonly redirectUrl = callback;
  readonly clientMetadata = {
    client_name: 'test',
    redirect_uris: [callback],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  } as OAuthClientMetadata;
  /** The scopes that the user was sent off with, one entry for each time. */
  readonly asked: string[] = [];
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';
  #address: URL | undefined;

  /** `registered`: the client is known to the provider; else it registers itself. */
  constructor(registered?: { client_id: string }) {
    this.#client = registered && { client_id: registered.client_id };
  }

  state = (): string => randomBytes(16).toString('hex');
  clientInformation = (): OAuthClientInformationMixed | undefined => this.#client;
  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }
  tokens = (): OAuthTokens | undefined => this.#tokens;
  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier = (): string => this.#verifier;
  redirectToAuthorization(url: URL): void {
    this.asked.push(url.searchParams.get('scope') ?? '');
    this.#address = url;
  }

  /** Does in the browser what the client has sent the user off to do; returns the code that it comes back with. */
  async signIn(): Promise<string> {
    if (!this.#address) throw new Error('Nobody was sent to sign in.');
    const { searchParams } = await signInAs('ada', this.#address, callback);
    return searchParams.get('code') ?? `no code: ${searchParams}`;
  }
}

let idp: RealIdp;
let signIn: SignIn;
let app: SmallApp;
let url: URL;

beforeEach(async () => {
  const port = await freePort();
  url = new URL(`http://127.0.0.1:${port}/mcp`);
  idp = await startRealIdp({ resource: url.href, registration: true });
  const { config } = await loadConfig({ environment: { OIDC_ISSUER: idp.issuer, PUBLIC_URL: url.href } });
  const logger = createLogger({ level: 'silent' });
  signIn = await openSignIn(config, logger);
  app = await startSmallApp({
    authenticator: signIn.authenticator,
    protectedResource: signIn.protectedResource,
    sessions: config.sessions,
  });
  await app.app.main.listen({ host: '127.0.0.1', port });
  await vi.waitFor(async () => expect(await signIn.checks()).toMatchObject([{ ok: true }]));
});
afterEach(async () => {
  await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
  await signIn.close();
  await idp.close();
});

/** Connects; signs in on the way. */
async function connect(person: Person) {
  const open = () => new StreamableHTTPClientTransport(url, { authProvider: person });
  const first = open();
  const client = new Client({ name: 'test', version: '1' });
  await expect(client.connect(first as Transport)).rejects.toThrow(UnauthorizedError);
  const answer = await person.signIn();
  await first.finishAuth(answer);
  const transport = open();
  await client.connect(transport as Transport);
  return { client, transport };
}

describe('the official client', () => {
  it('finds its way from the address of the server to a call in the name of its user', async () => {
    const person = new Person();
    const { client } = await connect(person);
    expect(person.asked).toEqual(['cnpg:read']);
    await client.callTool({ name: 'echo', arguments: { text: 'hi' } });
    expect(app.audits).toMatchObject([
      {
        principal: `${idp.issuer}|ada`,
        client: (person.clientInformation() as { client_id: string }).client_id,
        decision: { allowed: true, rule: 'scope cnpg:read' },
      },
    ]);
    await client.close();
  });

  it('comes back with the scope that a call needs, and is let through', async () => {
    // Many providers hold a client that registered itself to the scope that it asked for first.
    const person = new Person(desktopClient);
    const { client, transport } = await connect(person);
    const drop = () => client.callTool({ name: 'drop', arguments: { name: 'orders' } });
    await expect(drop()).rejects.toThrow(UnauthorizedError);
    expect(person.asked.at(-1)).toContain('cnpg:destroy');
    await transport.finishAuth(await person.signIn());
    const { structuredContent } = await drop();
    expect(structuredContent).toMatchObject({ state: 'confirmation_required' });
    expect(app.audits).toMatchObject([{ decision: { rule: 'scope cnpg:destroy' } }]);
    await client.close();
  });
});
