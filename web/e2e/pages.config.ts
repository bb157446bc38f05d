import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/pages.test.ts', 'e2e/clusters.test.ts', 'e2e/policies.test.ts', 'e2e/account.test.ts', 'e2e/workspace.test.ts', 'e2e/accessibility.test.ts'],
    environment: 'node',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    fileParallelism: false,
  },
});
