/**
 * The kinds of the Gateway API and of the Prometheus operator that the chart can make objects of: their definitions come from the
 * Go modules of those projects, so that the API server checks the objects as it would on a cluster that has them.
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kubectl } from '../suites/support/kubernetes.ts';

const run = promisify(execFile);

const modules = [
  {
    module: 'sigs.k8s.io/gateway-api@v1.6.3',
    files: ['config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
    kinds: ['httproutes.gateway.networking.k8s.io'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    files: ['servicemonitors', 'prometheusrules'].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
    kinds: ['servicemonitors.monitoring.coreos.com', 'prometheusrules.monitoring.coreos.com'],
  },
];

/** Installs the kinds that are missing. Returns the function that takes away what was installed, and nothing else. */
export async function installCustomKinds(): Promise<() => Promise<void>> {
  const installed: string[] = [];
  for (const { module, files, kinds } of modules) {
    const there = await kubectl('get', 'crd', '-o', 'name', '--ignore-not-found', ...kinds);
    if (there.split('\n').filter(Boolean).length === kinds.length) continue;
    const { stdout } = await run('go', ['mod', 'download', '-json', module], { cwd: tmpdir() });
    const { Dir: folder } = JSON.parse(stdout) as { Dir: string };
    for (const file of files) await kubectl('apply', '--server-side', '-f', join(folder, file));
    installed.push(...kinds);
    await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd', ...kinds);
  }
  return async () => {
    if (installed.length > 0) await kubectl('delete', 'crd', '--ignore-not-found', ...installed);
  };
}
