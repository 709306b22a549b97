/** Argument schemas that several tools share: one place for each rule about names and numbers. */
import { z } from 'zod';

/** DNS-1123 label: what Kubernetes allows as a namespace. */
export const namespace = z
  .string()
  .max(63)
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be a namespace name: lower-case letters, digits and hyphens',
  )
  .optional()
  .describe("Default: the server's own.");

/** The operator's rule for Cluster names: a DNS-1035 label of at most 50 characters. */
export const clusterName = z
  .string()
  .min(1)
  .max(50, 'must be at most 50 characters (limit of the operator)')
  .regex(
    /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    'must start with a letter and hold only lower-case letters, digits and hyphens',
  );

const visibleText = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]+$/u;

/**
 * A PostgreSQL identifier: 1 to 63 bytes (NAMEDATALEN - 1). Anything visible is legal in PostgreSQL when quoted; here
 * letters, digits, `_`, `-`, `.`, `$` and inner spaces are allowed, in any script, in Unicode normal form C.
 */
export const postgresName = z
  .string()
  .min(1)
  .max(63)
  .refine(
    (name) => Buffer.byteLength(name, 'utf8') <= 63,
    'must be at most 63 bytes in UTF-8 (limit of PostgreSQL)',
  )
  .refine((name) => visibleText.test(name), 'must not hold control or invisible characters')
  .refine((name) => name === name.normalize('NFC'), 'must be in Unicode normal form C')
  .refine((name) => name === name.trim(), 'must not start or end with a space')
  .refine(
    (name) => /^[\p{L}\p{M}\p{N}_.$ -]+$/u.test(name),
    'may hold letters, digits, _ - . $ and inner spaces only',
  );

export const detailLevel = z.enum(['concise', 'detailed']);

/** `json`: the text part of the answer is JSON as well. */
export const format = z.enum(['text', 'json']).default('text');

/** Most items in one answer. */
export const limit = z.int().min(1).max(500);

export const cursor = z.string().min(1).max(2048).optional().describe('next_cursor of the last answer.');
