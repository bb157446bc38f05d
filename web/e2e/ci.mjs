// Runs the browser tests from nothing: the pages against a pretended server, then the story against a
// server of its own, started from BIPLANE_BIN in a directory that is thrown away.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const READY_MS = 60_000;
const STOP_MS = 15_000;
const binary = process.env.BIPLANE_BIN;
if (!binary) {
  console.error('Set BIPLANE_BIN to the biplane binary.');
  process.exit(2);
}

function vitest(config, env = {}) {
  const args = ['vitest', 'run', '--config', config];
  return spawnSync('npx', args, { stdio: 'inherit', env: { ...process.env, ...env } }).status ?? 1;
}

function start(directory) {
  const server = spawn(binary, ['up', '--data-dir', directory, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('The server was not ready in time.')), READY_MS);
    let text = '';
    server.stdout.on('data', (data) => {
      text += data;
      const url = /^ready (http:\S+)/m.exec(text)?.[1];
      if (!url) return;
      clearTimeout(late);
      resolve(url);
    });
    server.on('exit', (code) => reject(new Error(`The server ended with ${code}.`)));
  });
  return { server, ready };
}

function stop(server) {
  return new Promise((resolve) => {
    if (server.exitCode !== null) return resolve();
    const kill = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
    server.on('exit', () => {
      clearTimeout(kill);
      resolve();
    });
    server.kill('SIGTERM');
  });
}

let status = vitest('e2e/pages.config.ts');
if (status === 0) {
  const directory = mkdtempSync(join(tmpdir(), 'biplane-web-'));
  const { server, ready } = start(directory);
  try {
    const url = await ready;
    const login = readFileSync(join(directory, 'initial-login'), 'utf8');
    status = vitest('e2e/vitest.config.ts', {
      BIPLANE_URL: url,
      BIPLANE_USER: /user name: (.+)/.exec(login)?.[1] ?? '',
      BIPLANE_PASSWORD: /password: (.+)/.exec(login)?.[1] ?? '',
    });
  } catch (error) {
    console.error(String(error));
    status = 1;
  } finally {
    await stop(server);
    rmSync(directory, { recursive: true, force: true });
  }
}
process.exit(status);
