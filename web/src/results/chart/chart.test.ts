import { describe, expect, it } from 'vitest';
import type { ResultColumn } from '../../api/types';
import { buildChart, defaultConfig } from './model';
import { numberScale, timeScale } from './scale';

const column = (name: string, type_name: string): ResultColumn => ({ name, type_name, type_text: type_name });
const COLUMNS = [column('state', 'STRING'), column('day', 'DATE'), column('total', 'DECIMAL')];
const ROWS = [
  ['F', '1996-01-01', '10.5'],
  ['O', '1996-01-01', '2'],
  ['F', '1996-01-02', '4.5'],
  [null, '1996-01-02', '1'],
  ['F', '1996-01-02', null],
];

describe('buildChart', () => {
  it('guesses a line over time, else a bar over text, else a scatter', () => {
    expect(defaultConfig(COLUMNS)).toMatchObject({ type: 'line', x: 1, y: 2 });
    expect(defaultConfig([COLUMNS[0]!, COLUMNS[2]!])).toMatchObject({ type: 'bar', x: 0, y: 1 });
    expect(defaultConfig([column('a', 'INT'), column('b', 'DOUBLE')])).toMatchObject({ type: 'scatter', x: 0, y: 1 });
    expect(defaultConfig([])).toBeNull();
  });

  it('adds up what stands at one place', () => {
    const data = buildChart(COLUMNS, ROWS, { type: 'bar', x: 0, y: 2, series: -1, aggregate: 'sum' });
    expect(data.categories).toEqual(['F', 'O', 'NULL']);
    expect(data.series[0]?.points.map(({ y }) => y)).toEqual([15, 2, 1]);
    expect(data.left).toBe('1 rows without a value');
  });

  it('makes series of a column, over time', () => {
    const data = buildChart(COLUMNS, ROWS, { type: 'line', x: 1, y: 2, series: 0, aggregate: 'avg' });
    expect(data.axis).toBe('time');
    expect(data.series.map(({ name, points }) => [name, points.length])).toEqual([['F', 2], ['O', 1], ['NULL', 1]]);
  });

  it('counts, and gathers small slices', () => {
    const rows = Array.from({ length: 30 }, (_, index) => [`k${index}`, null, String(index + 1)]);
    const pie = buildChart(COLUMNS, rows, { type: 'pie', x: 0, y: 2, series: -1, aggregate: 'sum' });
    expect(pie.categories.at(-1)).toBe('21 others');
    expect(pie.series[0]?.points.reduce((sum, { y }) => sum + y, 0)).toBe(465);
    const count = buildChart(COLUMNS, ROWS, { type: 'bar', x: 0, y: 2, series: -1, aggregate: 'count' });
    expect(count.series[0]?.points.map(({ y }) => y)).toEqual([2, 1, 1]);
  });
});

describe('scales', () => {
  it('has round ticks that cover the data', () => {
    expect(numberScale(0, 97, 5, true).ticks).toEqual([0, 20, 40, 60, 80, 100]);
    const one = numberScale(5, 5, 4, false);
    expect(one.min).toBeLessThan(5);
    expect(one.max).toBeGreaterThan(5);
    expect(numberScale(Infinity, -Infinity, 4, true).max).toBeGreaterThan(0);
  });

  it('has ticks at days and at months', () => {
    const day = 86_400_000;
    expect(timeScale(0, 4 * day, 5).ticks).toHaveLength(5);
    const year = timeScale(Date.UTC(1996, 0, 15), Date.UTC(1996, 11, 15), 5);
    expect(year.ticks.map(year.format)).toEqual(['1996-04', '1996-07', '1996-10']);
  });
});
