import { describe, expect, it } from 'vitest';
import type { Row } from '../api/types';
import { columnStats } from './stats';
import { exportRows } from './export';
import { arrange, compareFor, testOf } from './values';

const columns = [
  { name: 'n', type_name: 'DECIMAL', type_text: 'DECIMAL(38,2)' },
  { name: 's', type_name: 'STRING', type_text: 'STRING' },
];
const rows: Row[] = [
  ['9007199254740993', 'b'],
  ['-2.50', 'A'],
  [null, 'b'],
  ['9007199254740992', null],
  ['10', 'c'],
];
const numbers = (order: Uint32Array | null) => order && [...order].map((at) => rows[at]?.[0]);

describe('comparing cells', () => {
  it('keeps all digits of numbers', () => {
    const compare = compareFor('number');
    expect(['10', '9', '-1.5', '1e3', 'NaN', '-Infinity', '0.10', '0.1', '-0'].sort(compare)).toEqual([
      '-Infinity', '-1.5', '-0', '0.10', '0.1', '9', '10', '1e3', 'NaN',
    ]);
    expect(compare('9007199254740993', '9007199254740992')).toBeGreaterThan(0);
    expect(compare('007.0', '7')).toBe(0);
  });

  it('filters by part, operator and NULL', () => {
    expect(testOf('', 'text')).toBeNull();
    expect(testOf('AB', 'text')?.('cabd')).toBe(true);
    expect(testOf('>= 10', 'number')?.('9')).toBe(false);
    expect(testOf('<2026-01-02', 'time')?.('2026-01-01')).toBe(true);
    expect(testOf('null', 'text')?.(null)).toBe(true);
    expect(testOf('not null', 'text')?.(null)).toBe(false);
    expect(testOf('!=x', 'text')?.(null)).toBe(false);
  });
});

describe('arranging rows', () => {
  it('sorts with NULLs last, both ways, and keeps the order of equals', () => {
    expect(arrange(rows, columns, { filters: new Map() })).toBeNull();
    expect(numbers(arrange(rows, columns, { sort: { column: 0, descending: false }, filters: new Map() }))).toEqual([
      '-2.50', '10', '9007199254740992', '9007199254740993', null,
    ]);
    expect(numbers(arrange(rows, columns, { sort: { column: 0, descending: true }, filters: new Map() }))?.at(-1)).toBeNull();
    expect([...(arrange(rows, columns, { sort: { column: 1, descending: false }, filters: new Map() }) ?? [])]).toEqual([1, 0, 2, 4, 3]);
  });

  it('filters by several columns', () => {
    expect([...(arrange(rows, columns, { filters: new Map([[0, 'not null'], [1, 'b']]) }) ?? [])]).toEqual([0]);
  });
});

it('tells what a column holds', () => {
  expect(columnStats(rows, 1, 'text')).toMatchObject({
    rows: 5, nulls: 1, distinct: 3, min: 'A', max: 'c', sum: null, top: [{ value: 'b', count: 2 }, { value: 'A', count: 1 }, { value: 'c', count: 1 }],
  });
  expect(columnStats([['1'], ['3'], [null]], 0, 'number')).toMatchObject({ nulls: 1, min: '1', max: '3', sum: 4, mean: 2, top: [] });
});

describe('rows as text', () => {
  const odd: Row[] = [['1', 'say "hi", a|b\nc'], [null, null]];
  it('quotes what a format needs quoted', () => {
    expect(exportRows('csv', columns, odd)).toBe('n,s\r\n1,"say ""hi"", a|b\nc"\r\n,\r\n');
    expect(exportRows('tsv', columns, odd)).toBe('n\ts\n1\tsay "hi", a|b c\n\t\n');
    expect(exportRows('markdown', columns, odd)).toBe('| n | s |\n| ---: | --- |\n| 1 | say "hi", a\\|b c |\n| *null* | *null* |\n');
    expect(JSON.parse(exportRows('json', columns, odd))).toEqual([{ n: 1, s: 'say "hi", a|b\nc' }, { n: null, s: null }]);
    expect(exportRows('sql', columns, [['1', "it's"], [null, null]])).toBe(
      "SELECT * FROM VALUES\n  (CAST('1' AS DECIMAL(38,2)), 'it\\'s'),\n  (NULL, NULL)\nAS t(n, s)\n",
    );
  });
});
