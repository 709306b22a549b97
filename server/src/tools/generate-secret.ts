import { randomInt } from 'node:crypto';
import type { GeneratedSecret } from './change-plan.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits from the operating system's CSPRNG, every character equally likely. */
export function generatePassword(length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
}

/** A copy of the body with the generated value below `stringData`. Call it only right before the body is sent. */
export function withGenerated<Body extends Record<string, unknown>>(
  body: Body,
  generate: GeneratedSecret | undefined,
): Body {
  if (!generate) return body;
  const stringData = {
    ...(body.stringData as Record<string, string> | undefined),
    [generate.key]: generatePassword(generate.length),
  };
  return { ...body, stringData };
}
