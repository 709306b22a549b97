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

/** Asks others whether they work. May be slow or hang: the caller bounds it, and remembers the answer for a while. */
export type CheckReadiness = (signal: AbortSignal) => Promise<readonly ReadinessCheck[]>;

/** Tells what this process knows by itself. Asked each time: whoever has put something right sees it at once. */
export type OwnReadiness = () => Promise<readonly ReadinessCheck[]>;
