import { describe, expect, it } from 'vitest';
import { buildTree, nodeId, parseNodeId, type CatalogData } from './nodes';

const loaded = <T>(data: T[] | undefined) => ({ data, error: null });
const table = (name: string) => ({ name, table_type: 'MANAGED' });

const data: CatalogData = {
  catalogs: loaded([{ name: 'samples' }, { name: 'main' }]),
  schemas: (catalog) => loaded(catalog === 'main' ? [{ name: 's' }] : []),
  tables: () => loaded([table('orders'), table('items')]),
  volumes: () => loaded([{ name: 'landing' }]),
  functions: () => loaded([]),
  columns: () => loaded<never>(undefined),
};

const labels = (expanded: string[], search = '') =>
  buildTree(data, { expanded: new Set(expanded), search, columns: true }).map(({ level, label }) => `${level} ${label}`);

describe('buildTree', () => {
  it('shows what is open, in order', () => {
    expect(labels([])).toEqual(['1 main', '1 samples']);
    expect(labels([nodeId('catalog', 'main'), nodeId('schema', 'main', 's'), nodeId('table', 'main', 's', 'orders')])).toEqual([
      '1 main', '2 s', '3 items', '3 orders', '4 Loading…', '3 landing', '1 samples',
    ]);
    expect(labels([nodeId('catalog', 'samples')])).toContain('2 No schemas');
  });

  it('keeps the way to what a search finds', () => {
    expect(labels([], 'ORD')).toEqual(['1 main', '2 s', '3 orders']);
    expect(labels([], 'zzz')).toEqual(['1 Nothing is called “zzz”']);
  });
});

it('reads ids back, whatever is in the names', () => {
  const path = ['a.b', 'c/d:e', 'ü `'];
  expect(parseNodeId(nodeId('table', ...path))).toEqual({ kind: 'table', path });
  expect(parseNodeId('info:root')).toBeNull();
});
