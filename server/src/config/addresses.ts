/** Addresses in settings. What a pattern can say of them, the chart's schema says as well, so that Helm refuses it before it installs. */
import { isIP } from 'node:net';
import { z } from 'zod';

const url = z
  .string()
  .max(2048)
  .regex(/^[A-Za-z][A-Za-z0-9+.-]*:\S+$/, { message: 'must be a URL', abort: true })
  .refine((text) => URL.canParse(text), { message: 'must be a URL', abort: true });

/** Clients compare it with what they were told, so nothing but scheme, host and path may be in it. */
export const publicUrl = url.refine((text) => {
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}, 'must be an http or https address without user, query and fragment');

/** Of an identity provider. Everybody is shown it: at /readyz, in the metadata of sign-in, in the log. */
export const providerUrl = url.refine((text) => {
  const { username, password } = new URL(text);
  return username + password === '';
}, 'must not hold a user or a password');

const range = 'must be an address or a range such as 10.0.0.0/8';
export const networkRange = z
  .string()
  .regex(/^[0-9A-Fa-f:.]+(\/\d{1,3})?$/, { message: range, abort: true })
  .refine((text) => {
    const [address = '', prefix] = text.split('/');
    const bits = isIP(address) === 4 ? 32 : 128;
    return isIP(address) !== 0 && (prefix === undefined || Number(prefix) <= bits);
  }, range);

/** What a Host header can hold: one with a scheme or a path would allow nobody. */
export const hostName = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/,
    'must be a host name, or name:port, without scheme and path',
  );

/** What an Origin header can hold. */
export const origin = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s/]+\/?$/,
    'must be an origin such as https://inspector.example.com, without a path',
  );
