/** Cells compared, filtered and summed up, exactly: numbers stay text, since a double would lose digits. */
import type { ResultColumn, Row } from '../api/types';
import { kindOf, type ColumnKind } from './types';

export type Cell = Row[number];
export type Compare = (left: string, right: string) => number;

const DECIMAL = /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/;

interface Decimal {
  negative: boolean;
  whole: string;
  fraction: string;
}

function decimal(text: string): Decimal | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const [, sign, whole = '', fraction = ''] = match;
  return { negative: sign === '-' && whole + fraction !== '', whole, fraction };
}

const byText: Compare = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

/** NaN stands above every number, as the engine sorts it. */
function byNumber(left: string, right: string): number {
  const [a, b] = [decimal(left), decimal(right)];
  if (a && b) return byDecimal(a, b);
  const [x, y] = [Number(left.replace('Infinity', '1e999')), Number(right.replace('Infinity', '1e999'))];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x - y || 0;
}

function byDecimal(a: Decimal, b: Decimal): number {
  if (a.negative !== b.negative) return a.negative ? -1 : 1;
  const size = a.whole.length - b.whole.length || byText(a.whole, b.whole) || byText(a.fraction, b.fraction);
  return a.negative ? -size : size;
}

export function compareFor(kind: ColumnKind): Compare {
  if (kind === 'number') return byNumber;
  return kind === 'text' ? (left, right) => left.localeCompare(right, undefined, { sensitivity: 'variant' }) : byText;
}

export type Test = (cell: Cell) => boolean;

const OPERATORS: Record<string, (order: number) => boolean> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** `null`, `not null`, an operator with a value, or a part of the text. Null for an empty filter. */
export function testOf(filter: string, kind: ColumnKind): Test | null {
  const text = filter.trim();
  if (!text) return null;
  if (/^null$/i.test(text)) return (cell) => cell === null;
  if (/^not null$/i.test(text)) return (cell) => cell !== null;
  const [, operator = '', value = ''] = /^(!=|<>|<=|>=|=|<|>)\s*(.+)$/.exec(text) ?? [];
  const holds = OPERATORS[operator];
  if (holds) {
    const compare = compareFor(kind);
    return (cell) => cell !== null && holds(compare(cell, value));
  }
  const part = text.toLowerCase();
  return (cell) => cell !== null && cell.toLowerCase().includes(part);
}

export interface Arrangement {
  sort?: { column: number; descending: boolean } | undefined;
  filters: ReadonlyMap<number, string>;
}

export const UNARRANGED: Arrangement = { filters: new Map() };

/** Which rows to show, in which order; null when that is all of them as they came. NULLs sort last. */
export function arrange(rows: readonly Row[], columns: readonly ResultColumn[], { sort, filters }: Arrangement): Uint32Array | null {
  const tests = [...filters].flatMap(([index, filter]) => {
    const column = columns[index];
    const test = column && testOf(filter, kindOf(column));
    return test ? [{ index, test }] : [];
  });
  if (!sort && tests.length === 0) return null;
  const kept: number[] = [];
  rows.forEach((row, at) => {
    if (tests.every(({ index, test }) => test(row[index] ?? null))) kept.push(at);
  });
  const sorted = sort && columns[sort.column];
  if (sort && sorted) {
    const compare = compareFor(kindOf(sorted));
    const way = sort.descending ? -1 : 1;
    kept.sort((left, right) => {
      const [a, b] = [rows[left]?.[sort.column] ?? null, rows[right]?.[sort.column] ?? null];
      if (a === null || b === null) return Number(a === null) - Number(b === null) || left - right;
      return way * compare(a, b) || left - right;
    });
  }
  return Uint32Array.from(kept);
}
