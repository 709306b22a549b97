/** What `/readyz` answers. */

/** One thing that must work before calls can succeed. */
export interface ReadinessCheck {
  name: string;
  ok: boolean;
  /** Why not, for people: no secrets, no addresses of callers. */
  reason?: string;
  /** What somebody should see to although calls succeed; for people, like the reason. */
  warning?: string;
}

export interface Readiness {
  ready: boolean;
  checks: readonly ReadinessCheck[];
}

/** Looks at everything that is needed. May be slow or hang: the caller bounds it. */
export type CheckReadiness = (signal: AbortSignal) => Promise<readonly ReadinessCheck[]>;
