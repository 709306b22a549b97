/** Whom the gateway may act as. */
import { ToolError } from '../../errors.ts';
import type { Impersonation } from '../gateway.ts';
import { isOfKubernetes, problemWithIdentity } from '../impersonation.ts';

/**
 * The identity, checked. Throws `forbidden` for Kubernetes' own users and groups: `system:masters` would be everything, and
 * no token of a person may lead there. Throws `invalid_arguments` for what does not travel in a header unchanged. Settings,
 * tokens file and sign-in refuse both before; this is the last gate, for whatever comes another way.
 */
export function checkedImpersonation({ user, groups }: Impersonation): Impersonation {
  for (const name of [user, ...groups]) {
    const problem = problemWithIdentity(name);
    if (problem === undefined) continue;
    if (isOfKubernetes(name)) {
      throw new ToolError(
        'forbidden',
        'This server does not act as the users and groups of Kubernetes itself.',
        {
          hint: 'Map people to names that do not begin with "system:".',
        },
      );
    }
    throw new ToolError('invalid_arguments', `The name of a user or group to act as ${problem}.`);
  }
  return { user, groups: [...groups] };
}
