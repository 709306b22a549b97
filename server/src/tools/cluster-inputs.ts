/** Argument schemas of the tools that make and change clusters. */
import { z } from 'zod';
import { parseQuantity, quantityPattern } from '../cnpg/quantities.ts';

/** The schema's bound; a site sets its own, lower one (`maxInstances`). */
export const instances = z.int().min(1).max(100);

/** From 1Mi to 64Ti: what is too small or too large for a storage class, the operator and the provisioner say. */
export const storageSize = z
  .string()
  .max(32)
  .regex(quantityPattern, 'must be a Kubernetes quantity such as 10Gi')
  .refine((size) => {
    const bytes = parseQuantity(size) ?? 0;
    return bytes >= 2 ** 20 && bytes <= 2 ** 46;
  }, 'must be between 1Mi and 64Ti')
  .describe('Data volume of each instance.');

/** DNS-1123 subdomain. */
export const storageClass = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a storage class')
  .describe('Omitted: the default one.');

export const imageReference = z
  .string()
  .max(512)
  .regex(/^\w[\w.:/@-]*$/, 'must be an image reference')
  .describe('Wins over postgres_version; its tag begins with the version.');

/** PostgreSQL's form of a setting's name, with one dot for the settings of extensions. */
const parameterName = z
  .string()
  .max(63)
  .regex(/^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?$/, 'must be the name of a PostgreSQL setting');

export const parameters = z
  .record(parameterName, z.string().max(1000))
  .refine((all) => Object.keys(all).length <= 50, 'must be at most 50 settings')
  .describe('PostgreSQL settings. max_connections 100 and shared_buffers 256MB unless given.');

/** For tools that can wait until a cluster is ready. */
export const readyInputs = {
  wait: z.boolean().default(false).describe('Wait until the cluster is ready or cannot become so.'),
  timeout: z.int().min(30).max(600).optional().describe('Seconds to wait; default 60 for each instance.'),
};

/** `1 instance`, `3 instances`. */
export function countInstances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}
