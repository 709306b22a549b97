/** Argument schemas of the tools that make and change clusters. */
import { z } from 'zod';
import { parseQuantity } from '../cnpg/quantities.ts';

/** The schema's bound; a site sets its own, lower one (`maxInstances`). */
export const instances = z.int().min(1).max(100);

/**
 * From 1Mi to 64Ti: what is too small or too large for a storage class, the operator and the provisioner say. The rules of
 * this and the next ones are checked but not advertised as patterns: the list of tools is read by every client.
 */
export const storageSize = z
  .string()
  .max(32)
  .refine((size) => {
    const bytes = parseQuantity(size);
    return bytes !== undefined && bytes >= 2 ** 20 && bytes <= 2 ** 46;
  }, 'must be a Kubernetes quantity between 1Mi and 64Ti, such as 10Gi')
  .describe('Of each instance.');

/** DNS-1123 subdomain. */
export const storageClass = z
  .string()
  .max(253)
  .refine((name) => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name), 'must be the name of a storage class');

/**
 * `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, as container runtimes read it: with anything else no pod is started
 * (InvalidImageName), and nothing but the pod says so.
 */
const hostPart = /[A-Za-z\d][A-Za-z\d.-]*(?::\d+)?\//;
const pathPart = /[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*/;
const tagOrDigest = /(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z\d.+_-]*:[\dA-Fa-f]{32,})?/;
const imagePattern = new RegExp(
  `^(?:${hostPart.source})?${pathPart.source}(?:/${pathPart.source})*${tagOrDigest.source}$`,
);

export const imageReference = z
  .string()
  .max(512)
  .refine((image) => imagePattern.test(image), 'must be an image reference')
  .describe('Wins over postgres_version.');

/** PostgreSQL's form of a setting's name, with one dot for the settings of extensions. */
const parameterName = /^[A-Za-z_][\w$]{0,62}(\.[A-Za-z_][\w$]{0,62})?$/;

/** A configuration file holds every character but these: PostgreSQL would read another value than the one that was asked for. */
const parameterValue = z
  .string()
  .max(1000)
  .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not hold NUL or half a character');

export const parameters = z
  .record(z.string().max(127), parameterValue)
  .refine((all) => Object.keys(all).length <= 50, 'must be at most 50 settings')
  .refine(
    (all) => Object.keys(all).every((name) => parameterName.test(name)),
    'must be names of PostgreSQL settings',
  )
  .describe('PostgreSQL settings; default max_connections 100, shared_buffers 256MB.');

/** For tools that can wait until a cluster is ready. */
export const readyInputs = {
  wait: z.boolean().default(false).describe('Until ready, or plainly impossible.'),
  timeout: z.int().min(30).max(600).optional().describe('Seconds; default 60 per instance.'),
};

/** `1 instance`, `3 instances`. */
export function countInstances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}
