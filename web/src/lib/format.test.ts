import { expect, it } from 'vitest';
import { formatAgo, formatBytes, formatCount, formatDuration, plural, titleCase } from './format';

it('writes sizes in binary units', () => {
  expect([0, 1023, 1024, 1536, 5 * 1024 ** 3, undefined].map(formatBytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '5.0 GiB', '–']);
});

it('writes durations in the unit people use', () => {
  expect([0, 0.2, 12, 1234, 61_000, 3_700_000, null].map(formatDuration)).toEqual([
    '0 ms', '<1 ms', '12 ms', '1.23 s', '1 min 1 s', '1 h 1 min', '–',
  ]);
});

it('writes counts, plurals, ages and enum names', () => {
  expect(formatCount(1234567)).toBe('1,234,567');
  expect([plural(1, 'row'), plural(2, 'row')]).toEqual(['1 row', '2 rows']);
  expect([formatAgo(1000, 2000), formatAgo(1000, 62_000), formatAgo(1000, 7_201_000)]).toEqual(['just now', '1 min ago', '2 h ago']);
  expect(titleCase('MANAGED_SHALLOW_CLONE')).toBe('Managed shallow clone');
});
