import type { Impersonation } from '../kube/gateway.ts';
import type { Effect } from './effect.ts';

/** What a principal may do: an effect (with all lesser ones), optionally only in some namespaces and toolsets. */
export interface Grant {
  effect: Effect;
  /** Omitted: every namespace. */
  namespaces?: readonly string[];
  /** Omitted: every toolset. */
  toolsets?: readonly string[];
  /** Where the grant comes from, for audit and messages: `scope cnpg:read`, `group dba`, `token ci`, `local process`. */
  from: string;
}

/** A grant that the caller would have with one more scope. */
export interface ObtainableGrant extends Grant {
  /** As it must be asked for at the identity provider. */
  scope: string;
}

/** Who calls. Made by authentication; nothing else decides who somebody is. */
export interface Principal {
  /** Stable and unique: issuer and subject, a token's name, or `local`. Confirmations and sessions are bound to it. */
  id: string;
  /** For audit lines and messages. */
  displayName: string;
  kind: 'local' | 'oidc' | 'token' | 'anonymous';
  /** OAuth client that acts for the subject, where there is one. */
  client?: string;
  grants: readonly Grant[];
  /** Omitted: nothing more can be had. */
  obtainable?: readonly ObtainableGrant[];
  /** Set when calls to Kubernetes are made in the name of this person. */
  impersonate?: Impersonation;
}

/** What a caller has shown to be its principal, for whatever lasts longer than the request that it came with. */
export interface Credential {
  /** When it is over, in milliseconds since 1970 and with the tolerance for clocks that differ; infinity: never by itself. */
  endsAt: number;
  /** Whom it stands for by now, perhaps with other grants than before; `undefined`: nobody any more. Never rejects. */
  principalNow(): Promise<Principal | undefined>;
}

/** A principal, and the credential that it rests on, where there is one. */
export interface Identity {
  principal: Principal;
  credential?: Credential;
}

/** The person at a laptop: whoever can start the process already has its kubeconfig. */
export const localPrincipal: Principal = {
  id: 'local',
  displayName: 'local process',
  kind: 'local',
  grants: [{ effect: 'destroy', from: 'local process' }],
};

/** Whoever reaches a server that somebody else is trusted to guard. */
export const anonymousPrincipal: Principal = {
  id: 'anonymous',
  displayName: 'anonymous caller',
  kind: 'anonymous',
  grants: [{ effect: 'destroy', from: 'anonymous access' }],
};
