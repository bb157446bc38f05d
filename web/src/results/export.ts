/** Rows as text in the formats people paste elsewhere. */
import type { ResultColumn, Row } from '../api/types';
import { quoteName, quoteText } from '../lib/sql';
import { kindOf } from './types';

export type ExportFormat = 'csv' | 'tsv' | 'markdown' | 'json' | 'sql';

export const EXPORT_LABELS: Record<ExportFormat, string> = {
  tsv: 'Tab-separated text',
  csv: 'CSV',
  markdown: 'Markdown table',
  json: 'JSON',
  sql: 'SQL VALUES',
};

const flat = (text: string) => text.replace(/[\t\r\n]+/g, ' ');
const csvCell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** Tab-separated, as spreadsheets paste it. */
export function rowAsText(row: Row): string {
  return row.map((cell) => (cell === null ? '' : flat(cell))).join('\t');
}

export function csvOf(columns: readonly ResultColumn[], rows: readonly Row[]): string {
  const line = (cells: Row) => `${cells.map((cell) => (cell === null ? '' : csvCell(cell))).join(',')}\r\n`;
  return line(columns.map(({ name }) => name)) + rows.map(line).join('');
}

function markdownOf(columns: readonly ResultColumn[], rows: readonly Row[]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |\n`;
  const cell = (text: string | null) => (text === null ? '*null*' : flat(text).replaceAll('|', '\\|'));
  return (
    line(columns.map(({ name }) => cell(name))) +
    line(columns.map((column) => (kindOf(column) === 'number' ? '---:' : '---'))) +
    rows.map((row) => line(row.map(cell))).join('')
  );
}

/** Numbers stay numbers only where JSON readers keep all their digits. */
function jsonValue(text: string | null, column: ResultColumn): unknown {
  if (text === null) return null;
  const kind = kindOf(column);
  if (kind === 'boolean') return text === 'true';
  if (kind === 'number' && Number.isFinite(Number(text)) && text.replace(/\D/g, '').length <= 15) return Number(text);
  if (kind !== 'nested') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function jsonOf(columns: readonly ResultColumn[], rows: readonly Row[]): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map((column, at) => [column.name, jsonValue(row[at] ?? null, column)])));
  return `${JSON.stringify(objects, null, 2)}\n`;
}

function sqlOf(columns: readonly ResultColumn[], rows: readonly Row[]): string {
  const value = (text: string | null, column: ResultColumn | undefined) => {
    if (text === null) return 'NULL';
    const plain = !column || column.type_name === 'STRING';
    return plain ? quoteText(text) : `CAST(${quoteText(text)} AS ${column.type_text})`;
  };
  const tuples = rows.map((row) => `  (${row.map((cell, at) => value(cell, columns[at])).join(', ')})`);
  return `SELECT * FROM VALUES\n${tuples.join(',\n')}\nAS t(${columns.map(({ name }) => quoteName(name)).join(', ')})\n`;
}

export function exportRows(format: ExportFormat, columns: readonly ResultColumn[], rows: readonly Row[]): string {
  switch (format) {
    case 'csv':
      return csvOf(columns, rows);
    case 'tsv':
      return `${[columns.map(({ name }) => name), ...rows].map(rowAsText).join('\n')}\n`;
    case 'markdown':
      return markdownOf(columns, rows);
    case 'json':
      return jsonOf(columns, rows);
    case 'sql':
      return sqlOf(columns, rows);
  }
}
