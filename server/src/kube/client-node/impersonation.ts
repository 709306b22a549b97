/** Whom the gateway may act as. */
import { ToolError } from '../../errors.ts';
import type { Impersonation } from '../gateway.ts';

/**
 * The identity, checked. Throws `forbidden` for Kubernetes' own users and groups: `system:masters` would be everything, and
 * no token of a person may lead there. Throws `invalid_arguments` for what does not travel in a header unchanged.
 */
export function checkedImpersonation({ user, groups }: Impersonation): Impersonation {
  for (const name of [user, ...groups]) {
    // Printable, and no space at either end: that would be cut off on the way, and " system:masters" would pass.
    if (!/^[!-~]([ -~]*[!-~])?$/.test(name)) {
      throw new ToolError('invalid_arguments', 'A user or group to act as has an empty or unusable name.');
    }
    if (name.toLowerCase().startsWith('system:')) {
      throw new ToolError(
        'forbidden',
        'This server does not act as the users and groups of Kubernetes itself.',
        {
          hint: 'Map people to names that do not begin with "system:".',
        },
      );
    }
  }
  return { user, groups: [...groups] };
}
