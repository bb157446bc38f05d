// @vitest-environment node
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('is generated from the committed description', () => {
  expect(execFileSync('node', ['scripts/api.mjs', '--check'], { encoding: 'utf8' })).toContain('fresh');
}, 30_000);
