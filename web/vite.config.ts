import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env['BIPLANE_URL'] ?? 'http://127.0.0.1:8080';
const proxy = Object.fromEntries(
  ['/api', '/oidc', '/.well-known', '/results'].map((path) => [path, { target: server, changeOrigin: false }]),
);

export default defineConfig({
  plugins: [react()],
  server: { proxy },
  build: {
    target: 'es2023',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Inlined data: URLs would need a wider content security policy.
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 600,
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    restoreMocks: true,
  },
});
