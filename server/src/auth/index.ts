/** Everything of sign-in that needs its libraries, to be loaded at once where callers have to sign in. */
export { createAuthenticator } from './authenticator.ts';
export { firstScopes } from './claims.ts';
export { openIssuer } from './issuer.ts';
export { openStaticTokens } from './static-tokens.ts';
