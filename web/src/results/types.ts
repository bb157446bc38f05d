/** What a column's type means for showing and charting it. */
import type { ResultColumn } from '../api/types';

export type ColumnKind = 'number' | 'time' | 'boolean' | 'nested' | 'text';

const NUMBERS = new Set(['BYTE', 'SHORT', 'INT', 'LONG', 'FLOAT', 'DOUBLE', 'DECIMAL']);
const TIMES = new Set(['DATE', 'TIMESTAMP', 'TIMESTAMP_NTZ']);
const NESTED = new Set(['ARRAY', 'MAP', 'STRUCT', 'VARIANT']);

export function kindOf(column: Pick<ResultColumn, 'type_name' | 'type_text'>): ColumnKind {
  const name = column.type_name.toUpperCase();
  if (NUMBERS.has(name)) return 'number';
  if (TIMES.has(name) || /^(date|timestamp)/i.test(column.type_text)) return 'time';
  if (name === 'BOOLEAN') return 'boolean';
  return NESTED.has(name) ? 'nested' : 'text';
}

/** The text of a cell for people: nested values and JSON are laid out. */
export function prettyCell(value: string, kind: ColumnKind): string {
  if (kind !== 'nested' && !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

/** Milliseconds of a date or timestamp as the server writes it; NaN when it is neither. */
export function parseTime(text: string): number {
  const iso = text.trim().replace(' ', 'T');
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(iso) || !iso.includes('T');
  return Date.parse(zoned ? iso : `${iso}Z`);
}
