/** Loads the parts of the catalog that the tree shows: what is open, or what a search must see. */
import { useQueries, useQuery } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { catalogsQuery, functionsQuery, schemasQuery, tableQuery, tablesQuery, volumesQuery } from '../../../app/data';
import { parseNodeId, type CatalogData, type Loaded } from './nodes';

/** A search opens at most so many schemas, so that it stays a handful of requests. */
const SEARCH_SCHEMAS_MAX = 60;
const WAITING: Loaded<never> = { data: undefined, error: null };

function loaded<T>(result: UseQueryResult<readonly T[]> | undefined): Loaded<T> {
  return result ? { data: result.data, error: result.data ? null : result.error } : WAITING;
}

export function useCatalogData(expanded: ReadonlySet<string>, searching: boolean): CatalogData {
  const catalogs = useQuery(catalogsQuery);
  const open = [...expanded].map(parseNodeId).filter((node) => node !== null);
  const openCatalogs = searching
    ? (catalogs.data ?? []).map((catalog) => catalog.name)
    : open.filter(({ kind }) => kind === 'catalog').map(({ path }) => path[0] ?? '');
  const schemas = useQueries({ queries: openCatalogs.map((name) => schemasQuery(name)) });
  const openSchemas = searching
    ? openCatalogs
        .flatMap((catalog, index) => (schemas[index]?.data ?? []).map((schema) => [catalog, schema.name] as const))
        .slice(0, SEARCH_SCHEMAS_MAX)
    : open
        .filter(({ kind, path }) => kind === 'schema' && openCatalogs.includes(path[0] ?? ''))
        .map(({ path }) => [path[0] ?? '', path[1] ?? ''] as const);
  const tables = useQueries({ queries: openSchemas.map(([catalog, schema]) => tablesQuery(catalog, schema)) });
  const volumes = useQueries({ queries: openSchemas.map(([catalog, schema]) => volumesQuery(catalog, schema)) });
  const functions = useQueries({ queries: openSchemas.map(([catalog, schema]) => functionsQuery(catalog, schema)) });
  const openTables = open.filter(({ kind }) => kind === 'table').map(({ path }) => path.join('.'));
  const columns = useQueries({ queries: openTables.map((name) => tableQuery(name)) });

  const schemaAt = (catalog: string, schema: string) => openSchemas.findIndex(([c, s]) => c === catalog && s === schema);
  return {
    catalogs: loaded(catalogs),
    schemas: (catalog) => loaded(schemas[openCatalogs.indexOf(catalog)]),
    tables: (catalog, schema) => loaded(tables[schemaAt(catalog, schema)]),
    volumes: (catalog, schema) => loaded(volumes[schemaAt(catalog, schema)]),
    functions: (catalog, schema) => loaded(functions[schemaAt(catalog, schema)]),
    columns: (fullName) => {
      const result = columns[openTables.indexOf(fullName)];
      return { data: result?.data ? (result.data.columns ?? []) : undefined, error: result?.error ?? null };
    },
  };
}
