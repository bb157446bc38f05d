import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { nameCompletion, type Names } from './completion';
import { fullName, nameAtCursor, tablesOf } from './completion-context';

describe('what the cursor stands in', () => {
  it('reads the dotted name before it', () => {
    expect(nameAtCursor('select * from main.de')).toEqual({ path: ['main'], from: 19 });
    expect(nameAtCursor('from main.`my schema`.')).toEqual({ path: ['main', 'my schema'], from: 22 });
    expect(nameAtCursor('select ')).toEqual({ path: [], from: 7 });
  });

  it('finds tables and their aliases', () => {
    const sql = 'select * from main.s.orders o join `li ne` as l on l.a = o.b, c where x in (select 1 from d group by e)';
    expect(tablesOf(sql)).toEqual([
      { path: ['main', 's', 'orders'], alias: 'o' },
      { path: ['li ne'], alias: 'l' },
      { path: ['c'], alias: undefined },
      { path: ['d'], alias: undefined },
    ]);
  });

  it('completes names from the tab', () => {
    expect(fullName(['t'], { catalog: 'c', schema: 's' })).toBe('c.s.t');
    expect(fullName(['t'], { catalog: 'c' })).toBeNull();
    expect(fullName(['x', 't'], { catalog: 'c' })).toBe('c.x.t');
  });
});

const names: Names = {
  catalogs: async () => ['main', 'samples'],
  schemas: async (catalog) => (catalog === 'samples' ? ['tpch'] : catalog === 'main' ? ['default'] : []),
  tables: async (catalog, schema) => (`${catalog}.${schema}` === 'samples.tpch' ? ['orders', 'line item'] : []),
  columns: async (table) => (table === 'samples.tpch.orders' ? [{ name: 'o_orderkey', type: 'BIGINT' }] : []),
};

async function complete(text: string, context = {}): Promise<string[]> {
  const pos = text.indexOf('|');
  const state = EditorState.create({ doc: text.replace('|', '') });
  const result = await nameCompletion(names, () => context)(new CompletionContext(state, pos, true));
  return (result?.options ?? []).map(({ label }) => label);
}

describe('nameCompletion', () => {
  it('goes from catalog to schema to table to column', async () => {
    expect(await complete('select * from |')).toEqual(['main', 'samples']);
    expect(await complete('select * from samples.|')).toEqual(['tpch']);
    expect(await complete('select * from samples.tpch.|')).toEqual(['orders', 'line item']);
    expect(await complete('select samples.tpch.orders.|')).toEqual(['o_orderkey']);
  });

  it('knows the columns of the tables a statement reads', async () => {
    expect(await complete('select o.| from samples.tpch.orders o')).toEqual(['o_orderkey']);
    expect(await complete('select | from orders', { catalog: 'samples', schema: 'tpch' })).toEqual([
      'o_orderkey', 'orders', 'line item', 'tpch', 'main', 'samples',
    ]);
  });
});
