/** An identity provider that does whatever a test wants: any claims, any header, any key, and every kind of outage. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';

export interface FakeIdp {
  /** As in tokens; no slash at the end. */
  issuer: string;
  /** How the key document is served: normally, or as a test wants it. */
  keysMode: 'normal' | 'slow' | 'huge' | 'redirect' | 'error' | 'rubbish' | 'empty' | 'useless';
  /** Address of the key document as the discovery document has it, if it is another one. */
  keysUri?: string | undefined;
  /** How often the key document was asked for. */
  keyRequests: number;
  /** A token with sensible claims, except for what is given (`undefined` leaves a claim out). */
  token(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** A token whose payload is exactly this text, properly signed. */
  tokenOf(payload: string): Promise<string>;
  /** The public key as it is published, for attacks with it. */
  publicKey(): JWK;
  /** Signs with a new key from now on; the old one is no longer published. */
  rotate(): Promise<void>;
  /** Stops answering; the port is kept for {@link FakeIdp.resume}. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it on loopback. `audience` is what its tokens are for. */
export async function startFakeIdp(audience: string): Promise<FakeIdp> {
  let serial = 0;
  let key = await newKey();
  let server: Server | undefined;
  let port = 0;

  async function newKey() {
    serial += 1;
    const pair = await generateKeyPair('RS256', { extractable: true });
    const kid = `key-${serial}`;
    return {
      kid,
      privateKey: pair.privateKey,
      jwk: { ...(await exportJWK(pair.publicKey)), kid, use: 'sig', alg: 'RS256' },
    };
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === '/.well-known/openid-configuration') {
      const { issuer } = idp;
      json(response, {
        issuer,
        jwks_uri: idp.keysUri ?? `${issuer}/keys`,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
      });
      return;
    }
    if (request.url !== '/keys') {
      response.writeHead(404).end();
      return;
    }
    idp.keyRequests += 1;
    const document = { keys: [key.jwk] };
    switch (idp.keysMode) {
      case 'normal':
        json(response, document);
        return;
      case 'slow':
        return;
      case 'huge':
        json(response, { ...document, filler: 'x'.repeat(4 * 1024 * 1024) });
        return;
      case 'redirect':
        response.writeHead(302, { location: `${idp.issuer}/elsewhere` }).end();
        return;
      case 'error':
        response.writeHead(500).end();
        return;
      case 'empty':
        json(response, { keys: [] });
        return;
      case 'useless':
        json(response, {
          keys: [
            { ...key.jwk, use: 'enc', alg: 'RSA-OAEP' },
            { kty: 'oct', k: 'c2VjcmV0' },
          ],
        });
        return;
      case 'rubbish':
        response.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
    }
  };

  const listen = async (): Promise<void> => {
    const opened = createServer(answer);
    await new Promise<void>((resolve) => opened.listen(port, '127.0.0.1', resolve));
    ({ port } = opened.address() as AddressInfo);
    server = opened;
  };
  const stop = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    closing?.closeAllConnections();
    if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()));
  };

  await listen();
  const idp: FakeIdp = {
    issuer: `http://127.0.0.1:${port}`,
    keysMode: 'normal',
    keyRequests: 0,
    async token(claims = {}, header = {}) {
      const seconds = Math.floor(Date.now() / 1000);
      const all = {
        iss: idp.issuer,
        aud: audience,
        sub: 'alice',
        client_id: 'assistant',
        scope: 'cnpg:read',
        iat: seconds,
        exp: seconds + 300,
        ...claims,
      };
      const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
      return new SignJWT(present)
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'at+jwt', ...header } as JWTHeaderParameters)
        .sign(key.privateKey);
    },
    tokenOf: (payload) =>
      new CompactSign(Buffer.from(payload))
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'at+jwt' })
        .sign(key.privateKey),
    publicKey: () => key.jwk,
    async rotate() {
      key = await newKey();
    },
    pause: stop,
    resume: listen,
    close: stop,
  };
  return idp;
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
