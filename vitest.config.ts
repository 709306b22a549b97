import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'server/**/*.test.ts',
      'rbac-bootstrap/**/*.test.ts',
      'e2e/simulator/**/*.test.ts',
      'e2e/scripts/**/*.test.ts',
      'e2e/bench/**/*.test.ts',
      'e2e/conformance/**/*.test.ts',
      'e2e/chart/**/*.test.ts',
      'e2e/documentation/**/*.test.ts',
      'e2e/image/**/*.test.ts',
      'e2e/network-policy/**/*.test.ts',
      'e2e/workflows/**/*.test.ts',
    ],
    testTimeout: 20_000,
  },
});
