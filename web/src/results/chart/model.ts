/** From rows to what a chart draws: series of points over categories, numbers or times. */
import type { ResultColumn, Row } from '../../api/types';
import { kindOf, parseTime } from '../types';

export type ChartType = 'bar' | 'line' | 'scatter' | 'pie';
export type Aggregate = 'none' | 'sum' | 'avg' | 'min' | 'max' | 'count';

export interface ChartConfig {
  type: ChartType;
  x: number;
  y: number;
  /** A column whose values make the series, or -1. */
  series: number;
  aggregate: Aggregate;
}

export interface Point {
  /** A category's index, a number, or milliseconds. */
  x: number;
  y: number;
}

export interface Series {
  name: string;
  points: Point[];
}

export interface ChartData {
  axis: 'category' | 'number' | 'time';
  categories: string[];
  series: Series[];
  /** What had to be left out, in words; empty when nothing was. */
  left: string;
}

export const SERIES_MAX = 8;
const CATEGORIES_MAX = 60;
const SLICES_MAX = 9;

/** A first guess that usually shows something sensible. */
export function defaultConfig(columns: readonly ResultColumn[]): ChartConfig | null {
  const kinds = columns.map(kindOf);
  const numbers = kinds.flatMap((kind, index) => (kind === 'number' ? [index] : []));
  const time = kinds.indexOf('time');
  const text = kinds.findIndex((kind) => kind === 'text' || kind === 'boolean');
  if (columns.length === 0) return null;
  const y = numbers.at(-1) ?? 0;
  if (time >= 0 && numbers.length > 0) return { type: 'line', x: time, y, series: -1, aggregate: 'sum' };
  if (text >= 0 && numbers.length > 0) return { type: 'bar', x: text, y, series: -1, aggregate: 'sum' };
  if (numbers.length > 1) return { type: 'scatter', x: numbers[0] ?? 0, y, series: -1, aggregate: 'none' };
  return { type: 'bar', x: 0, y, series: -1, aggregate: 'count' };
}

export function buildChart(columns: readonly ResultColumn[], rows: readonly Row[], config: ChartConfig): ChartData {
  const axis = axisOf(columns, config);
  const categories = new Map<string, number>();
  const groups = new Map<string, Map<number, number[]>>();
  const scattered = new Map<string, Point[]>();
  let skipped = 0;
  for (const row of rows) {
    const y = config.aggregate === 'count' ? (row[config.y] === null ? NaN : 1) : toNumber(row[config.y]);
    const x = toX(row[config.x], axis, categories);
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      skipped += 1;
      continue;
    }
    const name = config.series < 0 ? (columns[config.y]?.name ?? '') : (row[config.series] ?? 'NULL');
    if (config.type === 'scatter') append(scattered, name, { x, y });
    else {
      const group = groups.get(name) ?? new Map<number, number[]>();
      groups.set(name, group);
      append(group, x, y);
    }
  }
  const series: Series[] =
    config.type === 'scatter'
      ? [...scattered].map(([name, points]) => ({ name, points }))
      : [...groups].map(([name, group]) => ({ name, points: reduce(group, config.aggregate) }));
  const notes = skipped > 0 ? [`${skipped} rows without a value`] : [];
  return limit({ axis, categories: [...categories.keys()], series, left: '' }, config.type, notes);
}

function axisOf(columns: readonly ResultColumn[], config: ChartConfig): ChartData['axis'] {
  const column = columns[config.x];
  if (!column || config.type === 'pie' || config.type === 'bar') return 'category';
  const kind = kindOf(column);
  return kind === 'number' ? 'number' : kind === 'time' ? 'time' : 'category';
}

function toNumber(cell: string | null | undefined): number {
  return cell === null || cell === undefined || cell === '' ? NaN : Number(cell);
}

function toX(cell: string | null | undefined, axis: ChartData['axis'], categories: Map<string, number>): number {
  if (axis === 'number') return toNumber(cell);
  if (axis === 'time') return cell ? parseTime(cell) : NaN;
  const name = cell ?? 'NULL';
  const known = categories.get(name);
  if (known !== undefined) return known;
  categories.set(name, categories.size);
  return categories.size - 1;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function reduce(group: Map<number, number[]>, aggregate: Aggregate): Point[] {
  const points = [...group].map(([x, values]) => ({ x, y: combine(values, aggregate) }));
  return points.sort((a, b) => a.x - b.x);
}

function combine(values: readonly number[], aggregate: Aggregate): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregate) {
    case 'none':
      return values[0] ?? 0;
    case 'avg':
      return sum / values.length;
    case 'min':
      return values.reduce((a, b) => Math.min(a, b));
    case 'max':
      return values.reduce((a, b) => Math.max(a, b));
    default:
      return sum;
  }
}

function limit(data: ChartData, type: ChartType, notes: string[]): ChartData {
  let { series, categories } = data;
  if (series.length > SERIES_MAX) {
    notes.push(`${series.length - SERIES_MAX} of ${series.length} series`);
    series = series.slice(0, SERIES_MAX);
  }
  if (type === 'pie') return { ...data, ...slices(series[0], categories), left: notes.join(', ') };
  if (data.axis === 'category' && categories.length > CATEGORIES_MAX) {
    notes.push(`${categories.length - CATEGORIES_MAX} of ${categories.length} categories`);
    categories = categories.slice(0, CATEGORIES_MAX);
    series = series.map((one) => ({ ...one, points: one.points.filter((point) => point.x < CATEGORIES_MAX) }));
  }
  return { ...data, series, categories, left: notes.join(', ') };
}

/** The largest slices, and one for the rest. */
function slices(series: Series | undefined, categories: string[]): Pick<ChartData, 'series' | 'categories'> {
  const points = (series?.points ?? []).filter((point) => point.y > 0).sort((a, b) => b.y - a.y);
  const shown = points.length > SLICES_MAX + 1 ? points.slice(0, SLICES_MAX) : points;
  const rest = points.slice(shown.length).reduce((total, point) => total + point.y, 0);
  const names = shown.map((point) => categories[point.x] ?? '');
  const values = shown.map((point, x) => ({ x, y: point.y }));
  if (rest > 0) {
    names.push(`${points.length - shown.length} others`);
    values.push({ x: shown.length, y: rest });
  }
  return { categories: names, series: [{ name: series?.name ?? '', points: values }] };
}
