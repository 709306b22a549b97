/** How the program ends. Part of its contract: scripts go by these. */
export const exitStatus = {
  /** Done; or, for `diff` and `verify`, everything is as it should be. */
  ok: 0,
  /** A check failed: there is a difference, a right is missing, or the caller may not grant a rule or look everywhere. */
  failed: 1,
  /** The command line or the values are wrong. */
  usage: 2,
  /** The cluster cannot be reached, or did not accept the credentials. */
  unreachable: 3,
} as const;

/** A sentence for the person at the terminal, and how the program ends. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitStatus: number;
  constructor(message: string, status: number) {
    super(message);
    this.exitStatus = status;
  }
}

/** The command line or a file of values is wrong. */
export function usageFailure(message: string): Failure {
  return new Failure(message, exitStatus.usage);
}
