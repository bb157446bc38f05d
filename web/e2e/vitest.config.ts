import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/story.test.ts'],
    environment: 'node',
    testTimeout: 240_000,
    hookTimeout: 30_000,
    fileParallelism: false,
    // One story: a step that fails makes the next ones meaningless.
    bail: 1,
  },
});
