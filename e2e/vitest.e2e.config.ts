import { defineConfig } from 'vitest/config';

const minute = 60_000;

// Suites on a real cluster. `make e2e` starts one and runs them; a single suite on a cluster that is up:
//   pnpm vitest run --config e2e/vitest.e2e.config.ts suites/clusters
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['suites/**/*.e2e.ts'],
    // Nobody knows whether a cluster that was given by its kubeconfig enforces NetworkPolicies (clusters/README.md).
    exclude: process.env.CNPG_MCP_E2E_KUBECONFIG ? ['suites/network-policy.e2e.ts'] : [],
    globalSetup: ['scripts/global-setup.ts'],
    // One at a time: they share the machine's processors, and timings of one would be failures of another.
    fileParallelism: false,
    testTimeout: 5 * minute,
    hookTimeout: 10 * minute,
    teardownTimeout: minute,
    // A suite that loses its only test to `.only` would pass with nothing proven.
    allowOnly: false,
  },
});
