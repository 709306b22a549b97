/**
 * Which names of users and groups can be acted as. One rule for every place that takes one: settings, the tokens file,
 * sign-in, and once more the gateway before a request.
 */

/** Longest name, in characters. Far beyond any that Kubernetes is used with, and far below the limit of all headers. */
const longest = 512;

/**
 * What is wrong with the name of a user or group to act as, to be put behind the name of the thing that it is (`must not be
 * empty`); `undefined`: nothing.
 *
 * Kubernetes' own names (`system:masters` would be everything) are for nobody. The others must reach the API server as they
 * are, in a header: seen with Kubernetes 1.36, it takes an empty `Impersonate-User` for no impersonation at all, so that the
 * server would act as itself, and cuts spaces off at both ends. It takes bytes beyond ASCII for UTF-8, but Node writes them
 * as Latin-1 or as UTF-8 depending on how the body is sent, so another person could arrive than was meant.
 */
export function problemWithIdentity(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > longest) return `must not be longer than ${longest} characters`;
  if (/\p{Cc}/u.test(name)) return 'must not hold control characters such as line ends';
  if (!/^[ -~]*$/.test(name)) return 'must hold ASCII characters only, because a header carries it';
  if (name.startsWith(' ') || name.endsWith(' ')) return 'must not begin or end with a space';
  return isOfKubernetes(name)
    ? 'must not begin with "system:", which Kubernetes keeps for itself'
    : undefined;
}

/** True for the users and groups of Kubernetes itself, in any spelling. */
export function isOfKubernetes(name: string): boolean {
  return name.toLowerCase().startsWith('system:');
}
