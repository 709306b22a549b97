/** Who enforces NetworkPolicies, and connections out of pods to see it by. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { inject } from 'vitest';
import { node } from '../../image/content.ts';
import type { ImageValues } from '../../image/load.ts';
import { root } from '../../scripts/paths.ts';
import { kubectl } from './kubernetes.ts';

export interface Enforcer {
  /** Resolves when what the cluster says now is enforced; where the cluster enforces by itself, at once. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Has the policies of these namespaces enforced: on the local provider by rules of its own (e2e/network-policy). */
export async function enforceNetworkPolicies(namespaces: readonly string[]): Promise<Enforcer> {
  const { provider, kubectl: program, kubeconfig } = inject('cluster');
  // kind's network plugin does, since kind 0.24.
  if (provider !== 'local') return { settled: async () => undefined, close: async () => undefined };
  const child = fork(join(root, 'e2e/network-policy/enforcer.ts'), [program, kubeconfig, ...namespaces], {
    execArgv: [],
  });
  const ended = once(child, 'exit');
  const settled = async (): Promise<void> => {
    child.send('settle');
    const died = ended.then(([code]) => {
      throw new Error(`The enforcer of NetworkPolicies has ended with exit status ${code}.`);
    });
    await Promise.race([once(child, 'message'), died]);
  };
  await settled();
  return {
    settled,
    async close() {
      if (child.connected) child.disconnect();
      const [code] = await ended;
      if (code !== 0)
        throw new Error(`The enforcer of NetworkPolicies left rules behind: exit status ${code}.`);
    },
  };
}

/**
 * A pod of the server's own image that runs a program of Node.js, and waits when none is given: connections are made in it with
 * {@link connections} and {@link request}. `files` is a Secret, mounted at /files.
 */
export function nodePod(
  namespace: string,
  name: string,
  { repository, tag }: ImageValues,
  more: { labels?: Record<string, string>; program?: string; files?: string } = {},
): object {
  const { labels = {}, program = 'setInterval(() => {}, 60_000)', files } = more;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name, ...labels } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name,
          image: `${repository}:${tag}`,
          imagePullPolicy: 'IfNotPresent',
          command: [node, '-e', program],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          ...(files !== undefined && {
            volumeMounts: [{ name: 'files', mountPath: '/files', readOnly: true }],
          }),
        },
      ],
      ...(files !== undefined && { volumes: [{ name: 'files', secret: { secretName: files } }] }),
    },
  };
}

/** Runs JavaScript in a pod, which prints JSON. */
async function inPod<T>(namespace: string, pod: string, script: string, ...args: string[]): Promise<T> {
  const text = await kubectl('exec', '-n', namespace, pod, '--', node, '-e', script, ...args);
  return JSON.parse(text) as T;
}

/** Address of the name server that a pod asks. */
export function nameServer(namespace: string, pod: string): Promise<string> {
  return inPod(namespace, pod, "console.log(JSON.stringify(require('node:dns').getServers()[0]))");
}

/** `open`; `timeout`, as for what is dropped on the way; or the code of another failure. */
export type Outcome = 'open' | 'timeout' | (string & {});

/** Opens TCP connections out of a pod, all at once, and says what became of each. Targets are `host:port`, names are looked up. */
export function connections<Name extends string>(
  namespace: string,
  pod: string,
  targets: Record<Name, string>,
): Promise<Record<Name, Outcome>> {
  const script = `
    const { connect } = require('node:net');
    const results = {};
    for (const [name, target] of Object.entries(JSON.parse(process.argv[1]))) {
      const [host, port] = target.split(':');
      const socket = connect({ host, port });
      const end = (outcome) => { results[name] ??= outcome; socket.destroy(); };
      socket.setTimeout(2500, () => end('timeout'));
      socket.on('connect', () => end('open'));
      socket.on('error', ({ code }) => end(code));
    }
    process.on('exit', () => console.log(JSON.stringify(results)));`;
  return inPod(namespace, pod, script, JSON.stringify(targets));
}

/** One HTTP request out of a pod. Status 0 and the cause when there is no answer within 5 seconds. */
export function request(
  namespace: string,
  pod: string,
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const script = `
    const { request } = require('node:http');
    const [url, options] = process.argv.slice(1);
    const { body, ...rest } = JSON.parse(options);
    const print = (status, headers, body) => console.log(JSON.stringify({ status, headers, body }));
    const sent = request(url, { ...rest, timeout: 5000, agent: false }, async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      print(answer.statusCode, answer.headers, text);
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', ({ message }) => print(0, {}, message));
    sent.end(body);`;
  return inPod(namespace, pod, script, url, JSON.stringify(options));
}
