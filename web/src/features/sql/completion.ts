/** Completes names of the catalog and columns of the tables a statement reads. */
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete';
import { queryClient } from '../../app/query-client';
import { catalogsQuery, schemasQuery, tableQuery, tablesQuery } from '../../app/data';
import { quoteName, statementAt } from '../../lib/sql';
import { fullName, nameAtCursor, tablesOf, type SqlContext } from './completion-context';

const REMEMBER_MS = 60_000;
const TABLES_MAX = 8;

export interface Names {
  catalogs: () => Promise<string[]>;
  schemas: (catalog: string) => Promise<string[]>;
  tables: (catalog: string, schema: string) => Promise<string[]>;
  columns: (table: string) => Promise<{ name: string; type: string }[]>;
}

/** Names the user may not see, or that do not exist, complete to nothing. */
async function orNone<T>(load: Promise<readonly T[]>): Promise<readonly T[]> {
  return load.catch(() => []);
}

export const catalogNames: Names = {
  catalogs: async () =>
    (await orNone(queryClient.fetchQuery({ ...catalogsQuery, staleTime: REMEMBER_MS }))).map(({ name }) => name),
  schemas: async (catalog) =>
    (await orNone(queryClient.fetchQuery({ ...schemasQuery(catalog), staleTime: REMEMBER_MS }))).map(({ name }) => name),
  tables: async (catalog, schema) =>
    (await orNone(queryClient.fetchQuery({ ...tablesQuery(catalog, schema), staleTime: REMEMBER_MS }))).map(({ name }) => name),
  columns: async (table) => {
    const load = queryClient.fetchQuery({ ...tableQuery(table), staleTime: REMEMBER_MS });
    const columns = await orNone(load.then((found) => found.columns ?? []));
    return columns.map(({ name, type_text }) => ({ name, type: type_text }));
  },
};

const option = (label: string, type: string, boost: number, detail?: string): Completion => ({
  label,
  apply: quoteName(label),
  type,
  boost,
  ...(detail ? { detail } : {}),
});

export function nameCompletion(names: Names, context: () => SqlContext): CompletionSource {
  return async (at: CompletionContext): Promise<CompletionResult | null> => {
    const line = at.state.doc.lineAt(at.pos);
    const name = nameAtCursor(at.state.sliceDoc(line.from, at.pos));
    const from = line.from + name.from;
    if (name.path.length === 0 && from === at.pos && !at.explicit) return null;
    const script = at.state.doc.toString();
    const span = statementAt(script, at.pos);
    const tables = tablesOf(span ? script.slice(span.from, span.to) : script).slice(0, TABLES_MAX);
    const options = name.path.length === 0 ? await unqualified(names, context(), tables) : await qualified(names, context(), name.path, tables);
    return options.length > 0 ? { from, options, validFor: /^`?[\w]*$/ } : null;
  };
}

type Tables = ReturnType<typeof tablesOf>;

async function unqualified(names: Names, context: SqlContext, tables: Tables): Promise<Completion[]> {
  const { catalog, schema } = context;
  const known = tables.map(({ path }) => fullName(path, context)).filter((full) => full !== null);
  const [catalogs, schemas, near, ...columns] = await Promise.all([
    names.catalogs(),
    catalog ? names.schemas(catalog) : [],
    catalog && schema ? names.tables(catalog, schema) : [],
    ...known.map((full) => names.columns(full)),
  ]);
  const seen = new Map<string, Completion>();
  const put = (one: Completion) => {
    if (!seen.has(`${one.type} ${one.label}`)) seen.set(`${one.type} ${one.label}`, one);
  };
  columns.flat().forEach((column) => put(option(column.name, 'property', 20, column.type.toLowerCase())));
  tables.forEach(({ alias }) => alias && put(option(alias, 'variable', 15, 'alias')));
  near.forEach((table) => put(option(table, 'class', 10, 'table')));
  schemas.forEach((one) => put(option(one, 'namespace', 5, 'schema')));
  catalogs.forEach((one) => put(option(one, 'namespace', 4, 'catalog')));
  return [...seen.values()];
}

async function qualified(names: Names, context: SqlContext, path: readonly string[], tables: Tables): Promise<Completion[]> {
  const [first = '', second = ''] = path;
  const columnsOf = async (full: string | null) =>
    full ? (await names.columns(full)).map((column) => option(column.name, 'property', 20, column.type.toLowerCase())) : [];
  const tablesIn = async (catalog: string, schema: string) =>
    (await names.tables(catalog, schema)).map((table) => option(table, 'class', 10, 'table'));
  if (path.length === 3) return columnsOf(path.join('.'));
  if (path.length === 2) {
    const found = await tablesIn(first, second);
    return found.length > 0 ? found : columnsOf(fullName(path, context));
  }
  const same = (text: string | undefined) => text?.toLowerCase() === first.toLowerCase();
  const table = tables.find(({ alias, path: of }) => same(alias) || (!alias && same(of.at(-1))));
  // `from samples.` looks like a table called samples until more is typed.
  const columns = table ? await columnsOf(fullName(table.path, context)) : [];
  if (columns.length > 0) return columns;
  const schemas = await names.schemas(first);
  if (schemas.length > 0) return schemas.map((one) => option(one, 'namespace', 5, 'schema'));
  return context.catalog ? tablesIn(context.catalog, first) : [];
}
