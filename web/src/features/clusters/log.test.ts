import { expect, it } from 'vitest';
import { appended, EMPTY_LOG } from './log';

const piece = (text: string, cursor: number, rest: object = {}) => ({ log_id: 1, text, cursor, skipped: false, more: false, ...rest });

it('reads a log on, says what is gone, and begins anew with another log', () => {
  let log = appended(appended(EMPTY_LOG, piece('a\n', 2)), piece('b\n', 4));
  expect(log).toEqual({ text: 'a\nb\n', cursor: 4, log_id: 1, cut: false });
  log = appended(log, piece('z\n', 99, { skipped: true }));
  expect(log).toEqual({ text: 'z\n', cursor: 99, log_id: 1, cut: true });
  expect(appended(log, piece('', 99, { log_id: 2 }))).toEqual({ ...EMPTY_LOG, log_id: 2 });
  const long = appended(EMPTY_LOG, piece('x'.repeat(1_000_001), 1_000_001));
  expect([long.text.length, long.cut]).toEqual([1_000_000, true]);
});
