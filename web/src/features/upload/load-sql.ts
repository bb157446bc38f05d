/** The statements of the upload wizard: reading a file, and making a table of it. */
import { qualified, quoteName, quoteText } from '../../lib/sql';
import type { ResultColumn } from '../../api/types';

export type FileFormat = 'csv' | 'json' | 'parquet';

export interface FileOptions {
  format: FileFormat;
  header: boolean;
  delimiter: string;
  multiLine: boolean;
}

export interface ColumnChoice {
  source: string;
  name: string;
  /** The detected type, in upper case. */
  detected: string;
  type: string;
  included: boolean;
}

export const TYPE_CHOICES = [
  'STRING', 'BOOLEAN', 'INT', 'BIGINT', 'DOUBLE', 'DECIMAL(18,2)', 'DATE', 'TIMESTAMP', 'TIMESTAMP_NTZ',
] as const;

/** What read_files adds by itself; rarely wanted in the table. */
const RESCUED = '_rescued_data';

export function formatOf(fileName: string): FileFormat | null {
  const plain = fileName.replace(/\.gz$/i, '');
  if (/\.(csv|tsv|txt)$/i.test(plain)) return 'csv';
  if (/\.(json|jsonl|ndjson)$/i.test(plain)) return 'json';
  return /\.parquet$/i.test(plain) ? 'parquet' : null;
}

export function defaultOptions(fileName: string): FileOptions {
  return {
    format: formatOf(fileName) ?? 'csv',
    header: true,
    delimiter: /\.tsv(\.gz)?$/i.test(fileName) ? '\t' : ',',
    multiLine: /\.json$/i.test(fileName),
  };
}

export function readFiles(path: string, options: FileOptions): string {
  const settings = [`format => '${options.format}'`];
  if (options.format === 'csv') {
    settings.push(`header => ${options.header}`, `sep => ${delimiterText(options.delimiter)}`);
    if (options.multiLine) settings.push('multiLine => true');
  }
  if (options.format === 'json' && options.multiLine) settings.push('multiLine => true');
  return `read_files(${[quoteText(path), ...settings].join(', ')})`;
}

const delimiterText = (delimiter: string) => (delimiter === '\t' ? "'\\t'" : quoteText(delimiter));

export function previewStatement(path: string, options: FileOptions, rows: number): string {
  return `SELECT * FROM ${readFiles(path, options)} LIMIT ${rows}`;
}

/** Delta refuses these in a column's name unless it maps columns. */
export function cleanName(name: string): string {
  const clean = name.trim().replace(/[ ,;{}()\n\t=./]+/g, '_').replace(/^_+|_+$/g, '').toLowerCase();
  return clean || 'column';
}

/** The preview's columns, with names a table takes; equal names get a number. */
export function chooseColumns(columns: readonly ResultColumn[]): ColumnChoice[] {
  const taken = new Set<string>();
  return columns.map((column) => {
    const base = cleanName(column.name);
    let name = base;
    for (let number = 2; taken.has(name); number += 1) name = `${base}_${number}`;
    taken.add(name);
    const detected = column.type_text.toUpperCase();
    return { source: column.name, name, detected, type: detected, included: column.name !== RESCUED };
  });
}

export function tableNameOf(fileName: string): string {
  const base = fileName.replace(/\.[a-z]+(\.gz)?$/i, '').toLowerCase();
  const clean = base.replace(/[^a-z0-9_]+/g, '_').replace(/^_+|_+$/g, '');
  if (!clean) return 'new_table';
  return /^\d/.test(clean) ? `t_${clean}` : clean;
}

export interface TableTarget {
  catalog: string;
  schema: string;
  table: string;
  replace: boolean;
}

export function createStatement(target: TableTarget, path: string, options: FileOptions, columns: readonly ColumnChoice[]): string {
  const list = columns.filter(({ included }) => included).map(selectItem);
  const verb = target.replace ? 'CREATE OR REPLACE TABLE' : 'CREATE TABLE';
  const name = qualified(target.catalog, target.schema, target.table);
  return `${verb} ${name} AS\nSELECT\n  ${list.join(',\n  ')}\nFROM ${readFiles(path, options)}`;
}

function selectItem(column: ColumnChoice): string {
  const source = quoteName(column.source);
  const value = column.type === column.detected ? source : `CAST(${source} AS ${column.type})`;
  return value === column.name ? value : `${value} AS ${quoteName(column.name)}`;
}

/** What is wrong with the chosen columns, or undefined. */
export function columnsProblem(columns: readonly ColumnChoice[]): string | undefined {
  const included = columns.filter((column) => column.included);
  if (included.length === 0) return 'Choose at least one column.';
  const seen = new Set<string>();
  for (const { name } of included) {
    const key = name.trim().toLowerCase();
    if (!key) return 'Every column needs a name.';
    if (/[ ,;{}()\n\t=]/.test(name.trim())) return `“${name}” has a character that a column name may not have.`;
    if (seen.has(key)) return `Two columns are called “${name}”.`;
    seen.add(key);
  }
  return undefined;
}
