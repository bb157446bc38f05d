/** What a column holds: counts, bounds, the commonest values. */
import type { Row } from '../api/types';
import { compareFor } from './values';
import type { ColumnKind } from './types';

const TOP = 5;

export interface ColumnStats {
  rows: number;
  nulls: number;
  distinct: number;
  min: string | null;
  max: string | null;
  /** Of numbers only, and as close as a double comes. */
  sum: number | null;
  mean: number | null;
  top: { value: string; count: number }[];
}

export function columnStats(rows: readonly Row[], index: number, kind: ColumnKind): ColumnStats {
  const compare = compareFor(kind);
  const counts = new Map<string, number>();
  let nulls = 0;
  let sum = 0;
  for (const row of rows) {
    const cell = row[index] ?? null;
    if (cell === null) {
      nulls += 1;
      continue;
    }
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
    if (kind === 'number') sum += Number(cell);
  }
  let min: string | null = null;
  let max: string | null = null;
  for (const value of counts.keys()) {
    if (min === null || compare(value, min) < 0) min = value;
    if (max === null || compare(value, max) > 0) max = value;
  }
  const present = rows.length - nulls;
  const numbers = kind === 'number' && present > 0;
  return {
    rows: rows.length,
    nulls,
    distinct: counts.size,
    min,
    max,
    sum: numbers ? sum : null,
    mean: numbers ? sum / present : null,
    top: topOf(counts),
  };
}

/** Nothing when every value is different: then none is common. */
function topOf(counts: ReadonlyMap<string, number>): ColumnStats['top'] {
  const all = [...counts].map(([value, count]) => ({ value, count }));
  if (all.every(({ count }) => count === 1)) return [];
  return all.sort((a, b) => b.count - a.count).slice(0, TOP);
}
