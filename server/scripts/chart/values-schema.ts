/**
 * chart/values.schema.json: what the chart takes, with the server's own configuration schema for `config`. It looks at each value by itself;
 * what must hold between them is in the chart's `_validate.tpl`, in a sentence.
 */
import { z } from 'zod';
import { nameValues, rbacValues, serviceAccountValues } from '../../../rbac-bootstrap/src/values.ts';
import { configSchema, settings } from '../../src/config/schema.ts';
import { ownedByChart } from './own-settings.ts';

const text = z.string();
const texts = z.record(text, text);
const port = z.int().min(1).max(65_535);
const seconds = z.int().min(1).max(3600);
const secretName = z
  .string()
  .max(253)
  .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$/);
const host = z
  .string()
  .max(253)
  .regex(/^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
const byte = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const cidr = z
  .string()
  .regex(
    new RegExp(
      `^(${byte}(\\.${byte}){3}/(3[0-2]|[12]?\\d)|[0-9a-f.]*:[0-9a-f.:]*/(12[0-8]|1[01]\\d|[1-9]?\\d))$`,
    ),
  );
/** Kubernetes' own types, which the API server checks. */
const kubernetes = z.record(text, z.unknown());
const listOf = (item: z.ZodType) => z.array(item);
/** Null is what Helm takes away, so these may be missing. */
const orNull = (schema: z.ZodType) => z.union([z.null(), schema]).optional();
const label = /^[a-z0-9]+([._-]+[a-z0-9]+)*$/.source.slice(1, -1);
const percentage = orNull(z.int().min(1).max(1000));
/** `500m`, `"1"`, `1`. */
const quantity = z.string().regex(/^(\d+(\.\d*)?|\.\d+)([numk]|[KMGTPE]i|[MGTPE]|e\d{1,2})?$/);
const quantities = z.record(text, z.union([quantity, z.number().min(0)]));

/** ParentReference of the Gateway API. */
const gateway = z.strictObject({
  name: text.min(1),
  namespace: text.optional(),
  sectionName: text.optional(),
  port: port.optional(),
  group: text.optional(),
  kind: text.optional(),
});

const probe = z.strictObject({
  periodSeconds: seconds,
  timeoutSeconds: seconds,
  failureThreshold: z.int().min(1).max(1000),
});

/**
 * Everything but `config`. Each key is required, because values.yaml has it: it can only be missing where a file of values has it without
 * a value, and Helm takes away what is null.
 */
const chartValues = {
  ...nameValues,
  image: z.strictObject({
    /** Perhaps a registry with its port, then a path in lower case: the kubelet pulls nothing else. */
    repository: z.string().regex(new RegExp(`^([A-Za-z0-9.-]+(:\\d{1,5})?/)?${label}(/${label})*$`)),
    tag: z
      .string()
      .max(128)
      .regex(/^(\w[\w.-]*)?$/),
    digest: z.string().regex(/^(sha256:[0-9a-f]{64})?$/),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  }),
  imagePullSecrets: listOf(z.strictObject({ name: text.min(1) })),
  replicas: z.int().min(0).max(100),
  revisionHistoryLimit: z.int().min(0).max(100),
  strategy: z.strictObject({
    type: z.enum(['RollingUpdate', 'Recreate']).optional(),
    rollingUpdate: kubernetes.optional(),
  }),
  serviceAccount: serviceAccountValues,
  rbac: rbacValues,
  auth: z.strictObject({
    mode: z.enum(['token', 'config', 'none']),
    existingSecret: secretName,
    acknowledgeAnonymous: z.boolean(),
  }),
  confirmation: z.strictObject({ existingSecret: secretName }),
  extraEnv: listOf(
    z.strictObject({ name: text.min(1), value: text.optional(), valueFrom: kubernetes.optional() }),
  ),
  extraEnvFrom: listOf(kubernetes),
  extraArgs: listOf(text),
  extraVolumes: listOf(kubernetes),
  extraVolumeMounts: listOf(kubernetes),
  service: z.strictObject({
    type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']),
    port,
    nodePort: orNull(port),
    annotations: texts,
  }),
  ingress: z.strictObject({
    enabled: z.boolean(),
    className: text,
    annotations: texts,
    hosts: listOf(host),
    tls: listOf(z.strictObject({ secretName: text.min(1), hosts: listOf(host) })),
  }),
  httpRoute: z.strictObject({
    enabled: z.boolean(),
    annotations: texts,
    parentRefs: listOf(gateway),
    hostnames: listOf(host),
    requestTimeout: z.string().regex(/^\d{1,5}(h|m|s|ms)$/),
  }),
  networkPolicy: z.strictObject({
    enabled: z.boolean(),
    ingressFrom: listOf(kubernetes),
    metricsFrom: listOf(kubernetes),
    dns: z.strictObject({ ports: listOf(port).min(1) }),
    apiServer: z.strictObject({ cidrs: listOf(cidr), ports: listOf(port).min(1) }),
    identityProvider: z.strictObject({
      enabled: z.boolean(),
      cidrs: listOf(cidr),
      ports: listOf(port).min(1),
    }),
    extraEgress: listOf(kubernetes),
  }),
  podDisruptionBudget: z.strictObject({
    enabled: z.boolean(),
    maxUnavailable: z.union([z.int().min(1).max(1000), z.string().regex(/^([1-9]\d?|100)%$/)]),
  }),
  autoscaling: z.strictObject({
    enabled: z.boolean(),
    minReplicas: z.int().min(1).max(1000),
    maxReplicas: z.int().min(1).max(1000),
    targetCPUUtilizationPercentage: percentage,
    targetMemoryUtilizationPercentage: percentage,
  }),
  metrics: z.strictObject({
    serviceMonitor: z.strictObject({
      enabled: z.boolean(),
      labels: texts,
      interval: z.string().regex(/^\d+(s|m)$/),
      scrapeTimeout: z.string().regex(/^\d+(s|m)$/),
    }),
    prometheusRule: z.strictObject({ enabled: z.boolean(), labels: texts, alertLabels: texts }),
    dashboard: z.strictObject({ enabled: z.boolean(), labels: texts, annotations: texts }),
  }),
  resources: z.strictObject({ requests: quantities.optional(), limits: quantities.optional() }),
  podSecurityContext: kubernetes,
  securityContext: kubernetes,
  hostUsers: orNull(z.boolean()),
  podAnnotations: texts,
  podLabels: texts,
  priorityClassName: text,
  nodeSelector: texts,
  tolerations: listOf(kubernetes),
  affinity: kubernetes,
  topologySpreadConstraints: listOf(kubernetes),
  probes: z.strictObject({ liveness: probe, readiness: probe, startup: probe }),
  test: z.strictObject({ timeoutSeconds: seconds }),
  extraObjects: listOf(z.union([text, kubernetes])),
} satisfies Record<string, z.ZodType>;

type Json = { [key: string]: unknown; properties?: Record<string, Json>; required?: string[] };

/** Takes `required` out of the levels of the server's settings: each has its default in the server. What stands in a list is complete. */
function optional(schema: Json): Json {
  const { required: _, properties, ...rest } = schema;
  if (!properties) return rest;
  const entries = Object.entries(properties).map(([name, property]) => [name, optional(property)]);
  return { ...rest, properties: Object.fromEntries(entries) };
}

/** The server's schema without what the chart sets, and without secrets, which do not belong in a ConfigMap. */
function configPart(): Json {
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as Json;
  const left = (path: readonly string[]): boolean => {
    const key = path.join('.');
    const setting = settings.find((candidate) => candidate.key === key);
    return !ownedByChart.includes(key) && setting?.secret !== true;
  };
  const prune = (level: Json, path: readonly string[]): void => {
    for (const [name, property] of Object.entries(level.properties ?? {})) {
      if (!left([...path, name])) delete level.properties?.[name];
      else prune(property, [...path, name]);
    }
  };
  prune(schema, []);
  return optional(schema);
}

/** Parts that Helm adds to the values by itself. */
const helmsOwn = { global: { type: 'object' } };

/** The whole file. */
export function valuesSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(z.strictObject(chartValues), { target: 'draft-7' }) as Json;
  const { $schema: _, ...config } = configPart();
  const whole = {
    $schema,
    $comment: 'Made by `pnpm run generate` (server/scripts/chart/values-schema.ts): change it there.',
    title: 'Values of the chart cnpg-mcp',
    ...schema,
    properties: { ...schema.properties, config, ...helmsOwn },
    required: [...(schema.required ?? []), 'config'],
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}
