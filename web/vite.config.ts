import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env['BIPLANE_URL'] ?? 'http://127.0.0.1:8080';
const proxy = Object.fromEntries(
  ['/api', '/oidc', '/.well-known', '/results'].map((path) => [path, { target: server, changeOrigin: false }]),
);

const GZIP_MIN = 1024;

/** Puts a gzip beside each larger script and style sheet, for the server to send as it is. */
function gzip(): Plugin {
  let folder = '';
  return {
    name: 'gzip',
    apply: 'build',
    configResolved: (config) => {
      folder = join(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle: () => {
      for (const name of readdirSync(folder).filter((one) => /\.(js|css)$/.test(one))) {
        const bytes = readFileSync(join(folder, name));
        if (bytes.length >= GZIP_MIN) writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), gzip()],
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
