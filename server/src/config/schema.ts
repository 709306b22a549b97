/** The configuration: one schema, from which flags, variables, the file format, checks and documentation are derived. */
import { z } from 'zod';
import type { LogLevel } from '../observability/logger.ts';
import { toolsets } from '../tools/define-tool.ts';
import { defaultToolSettings } from '../tools/settings.ts';
import { hostName, networkRange, origin, publicUrl } from './addresses.ts';
import { authSettings } from './auth-schema.ts';
import { limitSettings } from './limit-schema.ts';
import { setting, settingsOf } from './setting.ts';

/** An empty list would forbid everything, which nobody means. */
const noneLeft = 'must have at least one entry; leave the setting out for all';
const port = (preset: number) => z.int().min(0).max(65_535).default(preset);

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[];

/** The whole configuration. Keys are those of the file. */
export const configSchema = z.strictObject({
  transport: setting(z.enum(['stdio', 'http']).default('stdio'), {
    section: 'process',
    description: 'What cnpg-mcp speaks when it is started without a command.',
  }),
  logLevel: setting(z.enum(logLevels).default('info'), {
    section: 'process',
    description: 'Least severe log lines that are written.',
  }),
  shutdownGraceSeconds: setting(z.int().min(0).max(600).default(20), {
    section: 'process',
    description:
      'How long running calls may go on after SIGTERM. Together with shutdownDelaySeconds it must stay below the terminationGracePeriodSeconds of the pod.',
  }),
  shutdownDelaySeconds: setting(z.int().min(0).max(120).default(0), {
    section: 'process',
    description:
      'How long to go on serving after SIGTERM while /readyz says no, until a Kubernetes Service has taken the pod out: 5 in a pod.',
  }),

  host: setting(z.string().min(1).max(253).default('127.0.0.1'), {
    section: 'http',
    description:
      'Address that both ports are bound to. Without sign-in only a loopback address is accepted, unless unsafeAllowAnonymous is set.',
  }),
  port: setting(port(3000), {
    section: 'http',
    description: 'Port of /mcp, /healthz and /readyz; 0 takes a free one.',
    alsoEnvironment: ['PORT'],
  }),
  managementPort: setting(port(9464), {
    section: 'http',
    description: 'Port of /healthz, /readyz and /metrics; 0 takes a free one.',
  }),
  unsafeAllowAnonymous: setting(z.boolean().default(false), {
    section: 'http',
    description:
      'Serve everybody who can reach the port, with all rights of this server. Only behind something that authenticates.',
  }),
  publicUrl: setting(publicUrl.optional(), {
    section: 'http',
    description:
      'Address of /mcp as clients know it, for example https://mcp.example.com/mcp; without a path /mcp is meant. Tokens must be issued for it, and sign-in is announced under it.',
    alsoEnvironment: ['PUBLIC_URL'],
  }),
  allowedHosts: setting(z.array(hostName).max(100).default([]), {
    section: 'http',
    description:
      'Host names (or name:port, for one port only) that requests to /mcp may carry, against DNS rebinding. The host of publicUrl is allowed anyway, and on a loopback address the loopback names; on any other address one of the two settings must be given.',
  }),
  allowedOrigins: setting(z.array(origin).max(100).default([]), {
    section: 'http',
    description: 'Origins of web pages that may call /mcp, for example https://inspector.example.com.',
  }),
  trustProxy: setting(z.array(networkRange).max(100).default([]), {
    section: 'http',
    description:
      'Addresses or ranges (10.0.0.0/8) of proxies whose X-Forwarded-For tells the address of the caller, for limits and audit. Others are not believed.',
  }),
  limits: limitSettings,

  auth: authSettings,

  sessions: z
    .strictObject({
      enabled: setting(z.boolean().default(false), {
        section: 'sessions',
        description:
          'Keep a session for clients of 2025-11-25 and older that can ask their user something, so that a person confirms in the client. Needs one replica, or requests of a session always led to the same one.',
      }),
      total: setting(z.int().min(1).max(100_000).default(200), {
        section: 'sessions',
        description: 'Most sessions at the same time; more are answered 503 with Retry-After.',
      }),
      perPrincipal: setting(z.int().min(1).max(10_000).default(10), {
        section: 'sessions',
        description: 'Most sessions of one caller; more are answered 429 with Retry-After.',
      }),
      idleSeconds: setting(z.int().min(1).max(86_400).default(1800), {
        section: 'sessions',
        description: 'A session without requests and without an open stream ends after this time.',
      }),
      lifetimeSeconds: setting(z.int().min(1).max(604_800).default(28_800), {
        section: 'sessions',
        description: 'Every session ends after this time.',
      }),
    })
    .prefault({}),

  kubeconfig: setting(z.string().min(1).max(4096).optional(), {
    section: 'kubernetes',
    description:
      'Path of a kubeconfig. Omitted: KUBECONFIG, else the service account of the pod, else ~/.kube/config.',
  }),
  context: setting(z.string().min(1).max(253).optional(), {
    section: 'kubernetes',
    description: 'Context of the kubeconfig. Omitted: its current one.',
  }),
  namespace: setting(namespaceName().optional(), {
    section: 'kubernetes',
    description:
      'Namespace of calls that name none. Omitted: that of the service account, else that of the context, else default.',
  }),

  readOnly: setting(z.boolean().default(false), {
    section: 'policy',
    description: 'Offer only tools that look.',
  }),
  noDestroy: setting(z.boolean().default(false), {
    section: 'policy',
    description:
      'Offer no tool after which something is gone. Scaling down stays allowed: it takes a standby and its copy of the data, not the data.',
  }),
  namespaces: setting(z.array(namespaceName()).min(1, noneLeft).max(1000).optional(), {
    section: 'policy',
    description:
      'Namespaces that may be touched at all. Omitted: every one that Kubernetes lets this server touch.',
  }),
  toolsets: setting(z.array(z.enum(toolsets)).min(1, noneLeft).optional(), {
    section: 'policy',
    description: 'Groups of tools that are offered. Omitted: all.',
  }),
  protectedClusters: setting(z.array(clusterPattern()).max(1000).default([]), {
    section: 'policy',
    description:
      'Names of clusters that cannot be changed or deleted, in whatever namespace, or patterns of names: prod-*. A pattern holds lower-case letters, digits, hyphens and *, which stands for any characters or none, and begins with a letter or *; one that no cluster name could fit is refused.',
  }),

  confirmation: setting(z.enum(['token', 'argument']).default('token'), {
    section: 'confirmation',
    description:
      'token: before something is destroyed a person confirms what was shown. argument: confirm: true in the call is enough, for automation without a person.',
  }),
  confirmationKey: setting(z.string().min(32, 'must have at least 32 characters').max(4096).optional(), {
    section: 'confirmation',
    secret: true,
    description:
      'Key that confirmations are sealed with, at least 32 characters; the same for all replicas. Omitted: made at start, for one replica.',
  }),
  confirmationKeyFile: setting(z.string().min(1).max(4096).optional(), {
    section: 'confirmation',
    description: 'File that holds the key, instead of confirmationKey.',
  }),

  audit: z
    .strictObject({
      file: setting(z.string().min(1).max(4096).optional(), {
        section: 'audit',
        description:
          'File that audit lines are appended to; opened anew when it was moved away, and on SIGHUP. Omitted: standard output over HTTP, standard error over stdio.',
      }),
      events: setting(z.boolean().default(false), {
        section: 'audit',
        description:
          'Also leave a Kubernetes Event at every cluster that is changed, with who changed it. Needs the right to create events.',
      }),
    })
    .prefault({}),

  postgres: z
    .strictObject({
      defaultVersion: setting(version().default(defaultToolSettings.defaultPostgresVersion), {
        section: 'postgresql',
        description: 'PostgreSQL version of a new cluster when the call names none.',
      }),
      images: setting(z.record(version(), z.string().min(1).max(512)).default({}), {
        section: 'postgresql',
        description:
          'Image by PostgreSQL version, for registries of your own: 17=registry.example.com/postgresql:17.2. A version that is not listed comes from imageRepository.',
      }),
      imageRepository: setting(
        z.string().min(1).max(512).default(defaultToolSettings.defaultImageRepository),
        {
          section: 'postgresql',
          description: 'Repository of the images that are not listed; the version is the tag.',
        },
      ),
    })
    .prefault({}),
  maxInstances: setting(z.int().min(1).max(100).default(defaultToolSettings.maxInstances), {
    section: 'postgresql',
    description: 'Most instances that a cluster may be given.',
  }),
});

/** A DNS label, as Kubernetes wants it of a namespace: anything else could never fit, and would silently forbid everything. */
function namespaceName() {
  return z
    .string()
    .max(63)
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
      'must be a namespace name: lower-case letters, digits and hyphens, no hyphen at either end',
    );
}

/** Within the operator's rule for Cluster names (a DNS-1035 label of at most 50 characters): else it would protect nothing. */
function clusterPattern() {
  return z
    .string()
    .max(253)
    .regex(
      /^[a-z*]([-a-z0-9*]*[a-z0-9*])?$/,
      'must be a name or pattern that a cluster name can fit: lower-case letters, digits, hyphens and *, beginning with a letter or *, not ending with a hyphen, without a namespace',
    )
    .refine(
      (pattern) => pattern.replaceAll('*', '').length <= 50,
      'must hold at most 50 characters besides *, the longest name of a cluster',
    );
}

function version() {
  return z.string().regex(/^\d{1,2}(\.\d{1,3})?$/, 'must be a PostgreSQL version such as 17 or 17.2');
}

/** The configuration as the rest of the server reads it. */
export type Config = z.output<typeof configSchema>;

/** Every setting, in the order of the documentation. */
export const settings = settingsOf(configSchema);
