import { describe, expect, it } from 'vitest';
import { chooseColumns, columnsProblem, createStatement, defaultOptions, formatOf, previewStatement, tableNameOf } from './load-sql';

describe('reading a file', () => {
  it('knows formats by name', () => {
    expect(['a.CSV', 'a.tsv', 'a.json.gz', 'a.jsonl', 'a.parquet', 'a.xlsx'].map(formatOf)).toEqual(['csv', 'csv', 'json', 'json', 'parquet', null]);
  });

  it('writes read_files with its options, and escapes the path', () => {
    expect(previewStatement("/Volumes/m/d/v/it's.tsv", defaultOptions("it's.tsv"), 50)).toBe(
      "SELECT * FROM read_files('/Volumes/m/d/v/it\\'s.tsv', format => 'csv', header => true, sep => '\\t') LIMIT 50",
    );
    expect(previewStatement('/Volumes/m/d/v/a.parquet', defaultOptions('a.parquet'), 5)).toBe(
      "SELECT * FROM read_files('/Volumes/m/d/v/a.parquet', format => 'parquet') LIMIT 5",
    );
  });
});

describe('making a table', () => {
  const columns = chooseColumns([
    { name: 'Dep Delay', type_name: 'STRING', type_text: 'STRING' },
    { name: 'dep_delay', type_name: 'INT', type_text: 'INT' },
    { name: 'year', type_name: 'INT', type_text: 'INT' },
    { name: '_rescued_data', type_name: 'STRING', type_text: 'STRING' },
  ]);

  it('chooses names a table takes, each once', () => {
    expect(columns.map(({ name, included }) => [name, included])).toEqual([
      ['dep_delay', true], ['dep_delay_2', true], ['year', true], ['rescued_data', false],
    ]);
    expect(tableNameOf('2013 Flights (new).csv.gz')).toBe('t_2013_flights_new');
    expect(tableNameOf('.csv')).toBe('new_table');
  });

  it('selects, renames and casts', () => {
    const changed = columns.map((column) => (column.source === 'year' ? { ...column, type: 'BIGINT' } : column));
    const target = { catalog: 'main', schema: 'default', table: 'my table', replace: false };
    expect(createStatement(target, '/Volumes/main/default/v/f.csv', defaultOptions('f.csv'), changed)).toBe(
      'CREATE TABLE main.default.`my table` AS\nSELECT\n  `Dep Delay` AS dep_delay,\n  dep_delay AS dep_delay_2,\n  CAST(year AS BIGINT) AS year\n' +
        "FROM read_files('/Volumes/main/default/v/f.csv', format => 'csv', header => true, sep => ',')",
    );
  });

  it('says what is wrong with the columns', () => {
    expect(columnsProblem(columns)).toBeUndefined();
    expect(columnsProblem(columns.map((column) => ({ ...column, included: false })))).toMatch(/at least one/);
    expect(columnsProblem(columns.map((column) => ({ ...column, name: 'Same' })))).toMatch(/Two columns/);
    expect(columnsProblem(columns.map((column) => ({ ...column, name: 'a b' })))).toMatch(/character/);
  });
});
