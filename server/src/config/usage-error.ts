/**
 * What the person who started the program wrote is wrong: a flag, a variable, a file, an argument. The program says so on
 * standard error and ends with {@link UsageError.exitCode}.
 */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** Exit status for wrong usage, as most Unix programs have it. */
  static readonly exitCode = 2;
}
