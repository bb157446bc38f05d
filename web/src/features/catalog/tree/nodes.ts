/** The catalog as tree items: built from what is loaded, opened and searched for. */
import { describeError } from '../../../ui/States';
import type { IconName } from '../../../ui/Icon';
import type { TreeItem } from '../../../ui/Tree';
import type { ColumnInfo, TableInfo } from '../../../api/types';

export type NodeKind = 'catalog' | 'schema' | 'table' | 'volume' | 'function' | 'column';

/** A node's id is its kind and its path, so that it can be read back. */
export function nodeId(kind: NodeKind, ...path: string[]): string {
  return `${kind}:${path.map((part) => encodeURIComponent(part).replaceAll('.', '%2E')).join('.')}`;
}

export function parseNodeId(id: string): { kind: NodeKind; path: string[] } | null {
  const match = /^(catalog|schema|table|volume|function|column):(.+)$/.exec(id);
  if (!match) return null;
  return { kind: match[1] as NodeKind, path: (match[2] ?? '').split('.').map(decodeURIComponent) };
}

export interface Loaded<T> {
  data: readonly T[] | undefined;
  error: unknown;
}

interface Named {
  name: string;
}

export interface CatalogData {
  catalogs: Loaded<Named>;
  schemas: (catalog: string) => Loaded<Named>;
  tables: (catalog: string, schema: string) => Loaded<Pick<TableInfo, 'name' | 'table_type'>>;
  volumes: (catalog: string, schema: string) => Loaded<Named>;
  functions: (catalog: string, schema: string) => Loaded<Named>;
  columns: (fullName: string) => Loaded<Pick<ColumnInfo, 'name' | 'type_text'>>;
}

export interface BuildOptions {
  expanded: ReadonlySet<string>;
  search: string;
  /** Tables open to their columns. */
  columns: boolean;
}

export function tableIcon(type: string): IconName {
  return /VIEW/.test(type) ? 'view' : 'table';
}

const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);

export function buildTree(data: CatalogData, options: BuildOptions): TreeItem[] {
  const search = options.search.trim().toLowerCase();
  const out: TreeItem[] = [];
  const fits = (name: string) => name.toLowerCase().includes(search);
  const add = (item: Omit<TreeItem, 'expanded'> & { expanded?: boolean }) =>
    out.push({ ...item, expanded: item.expanded ?? false });
  const info = (parent: string | null, level: number, loaded: Loaded<unknown>, empty: string) => {
    const waiting = loaded.error === null || loaded.error === undefined;
    const text = !waiting ? describeError(loaded.error).message : loaded.data === undefined ? 'Loading…' : empty;
    add({
      id: `info:${parent ?? 'root'}`,
      parent,
      label: text,
      icon: !waiting ? 'error' : loaded.data === undefined ? 'spinner' : 'info',
      level,
      expandable: false,
      info: true,
    });
  };

  const addColumns = (table: string, path: string[], level: number) => {
    const loaded = data.columns(path.join('.'));
    if (!loaded.data || loaded.data.length === 0) return info(table, level, loaded, 'No columns');
    for (const column of loaded.data) {
      const id = nodeId('column', ...path, column.name);
      const note = column.type_text.toLowerCase();
      add({ id, parent: table, label: column.name, note, icon: 'column', level, expandable: false });
    }
  };

  const addSchemaContent = (parent: string, catalog: string, schema: string, everything: boolean) => {
    const level = 3;
    const tables = data.tables(catalog, schema);
    const volumes = data.volumes(catalog, schema);
    const functions = data.functions(catalog, schema);
    const keep = (name: string) => everything || fits(name);
    let shown = 0;
    for (const table of [...(tables.data ?? [])].sort(byName).filter(({ name }) => keep(name))) {
      const id = nodeId('table', catalog, schema, table.name);
      const open = options.columns && options.expanded.has(id);
      add({ id, parent, label: table.name, icon: tableIcon(table.table_type), level, expandable: options.columns, expanded: open });
      shown += 1;
      if (open) addColumns(id, [catalog, schema, table.name], level + 1);
    }
    for (const volume of [...(volumes.data ?? [])].sort(byName).filter(({ name }) => keep(name))) {
      const id = nodeId('volume', catalog, schema, volume.name);
      add({ id, parent, label: volume.name, icon: 'volume', level, expandable: false });
      shown += 1;
    }
    for (const one of [...(functions.data ?? [])].sort(byName).filter(({ name }) => keep(name))) {
      const id = nodeId('function', catalog, schema, one.name);
      add({ id, parent, label: one.name, icon: 'function', level, expandable: false });
      shown += 1;
    }
    if (tables.data === undefined) info(parent, level, tables, '');
    else if (shown === 0 && !search) info(parent, level, tables, 'Empty');
    return shown;
  };

  const catalogs = data.catalogs;
  if (!catalogs.data || catalogs.data.length === 0) {
    info(null, 1, catalogs, 'No catalogs you may use');
    return out;
  }
  for (const catalog of [...catalogs.data].sort(byName)) {
    const id = nodeId('catalog', catalog.name);
    const open = search !== '' || options.expanded.has(id);
    const start = out.length;
    add({ id, parent: null, label: catalog.name, icon: 'catalog', level: 1, expandable: true, expanded: open });
    if (!open) continue;
    const catalogFits = search === '' || fits(catalog.name);
    const schemas = data.schemas(catalog.name);
    if (!schemas.data || (schemas.data.length === 0 && !search)) {
      info(id, 2, schemas, 'No schemas');
      continue;
    }
    let hits = 0;
    for (const schema of [...schemas.data].sort(byName)) {
      const schemaId = nodeId('schema', catalog.name, schema.name);
      const schemaFits = search === '' || fits(schema.name);
      const schemaOpen = search !== '' || options.expanded.has(schemaId);
      const at = out.length;
      add({ id: schemaId, parent: id, label: schema.name, icon: 'schema', level: 2, expandable: true, expanded: schemaOpen });
      const shown = schemaOpen ? addSchemaContent(schemaId, catalog.name, schema.name, schemaFits) : 0;
      if (search !== '' && !schemaFits && shown === 0) out.length = at;
      else hits += 1;
    }
    if (search !== '' && !catalogFits && hits === 0) out.length = start;
  }
  if (out.length === 0) {
    add({ id: 'info:none', parent: null, label: `Nothing is called “${options.search.trim()}”`, icon: 'info', level: 1, expandable: false, info: true });
  }
  return out;
}
