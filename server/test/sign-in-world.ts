/** The server as it is configured for callers who sign in, and an identity provider for them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import type { AppOptions } from '../src/app.ts';
import { openSignIn, type SignIn } from '../src/commands/sign-in.ts';
import { loadConfig } from '../src/config/load.ts';
import { createAudit } from '../src/observability/audit.ts';
import { createLogger } from '../src/observability/logger.ts';
import { type FakeIdp, startFakeIdp } from './fake-idp.ts';
import { type SmallApp, startSmallApp } from './small-app.ts';

const publicUrl = 'https://mcp.example.com';

/** What the tokens of the identity provider are for. */
export const resource = `${publicUrl}/mcp`;

/** How a server is begun: environment variables beside those of the identity provider, and options of the application. */
type Begin = (environment?: NodeJS.ProcessEnv, options?: Partial<AppOptions>) => Promise<void>;

export interface SignInWorld {
  /** Of all tests of the file. */
  readonly idp: FakeIdp;
  /** Of the server that runs. */
  readonly signIn: SignIn;
  /** The server that runs. */
  readonly app: SmallApp;
  /** Everything that it logged or audited. */
  readonly lines: readonly string[];
  /** The refusals that it audited. */
  audited(): Record<string, unknown>[];
  /** The header of a caller whose token has sensible claims, except for what is given. */
  bearer(claims?: Record<string, unknown>): Promise<{ authorization: string }>;
  /** A file of this name, in a folder that goes with the tests. */
  path(name: string): string;
  /** Ends the server; a test that calls it begins another. */
  stop(): Promise<void>;
  /** Begins a server, and does not wait for its identity provider. */
  start: Begin;
  /** Begins again with other settings; callers can sign in once it returns. */
  restart: Begin;
}

/** Starts an identity provider for the file, and before each test a server whose callers sign in there; ends both. */
export function signInWorld(): SignInWorld {
  let idp: FakeIdp;
  let folder: string;
  let signIn: SignIn;
  let app: SmallApp;
  let lines: string[];

  const start: Begin = async (environment, options) => {
    const { config } = await loadConfig({
      environment: { OIDC_ISSUER: idp.issuer, PUBLIC_URL: publicUrl, ...environment },
    });
    lines = [];
    const written = lines;
    const stream = { write: (line: string) => void written.push(line) };
    const logger = createLogger({ level: 'debug', stream });
    signIn = await openSignIn(config, logger);
    app = await startSmallApp({
      logger,
      authenticator: signIn.authenticator,
      protectedResource: signIn.protectedResource,
      auditRefusal: createAudit({ stream, logger }).refusal,
      allowedOrigins: ['https://inspector.example.com'],
      ...options,
    });
  };
  const ready = () => vi.waitFor(async () => expect((await signIn.checks())[0]).toMatchObject({ ok: true }));
  const stop = async (): Promise<void> => {
    await app.app.drain({ propagationMilliseconds: 0, graceMilliseconds: 0 });
    await signIn.close();
  };

  beforeAll(async () => {
    idp = await startFakeIdp(resource);
    folder = await mkdtemp(join(tmpdir(), 'cnpg-mcp-sign-in-'));
  });
  beforeEach(async () => {
    await start();
    await ready();
  });
  afterEach(stop);
  afterAll(async () => {
    await idp.close();
    await rm(folder, { recursive: true });
  });

  return {
    get idp() {
      return idp;
    },
    get signIn() {
      return signIn;
    },
    get app() {
      return app;
    },
    get lines() {
      return lines;
    },
    audited: () => lines.map((line) => JSON.parse(line)).filter(({ type }) => type === 'refusal'),
    bearer: async (claims) => ({ authorization: `Bearer ${await idp.token(claims)}` }),
    path: (name) => join(folder, name),
    stop,
    start,
    async restart(environment, options) {
      await stop();
      await start(environment, options);
      await ready();
    },
  };
}
