/** Queries that more than one feature reads, with their cache keys. */
import { queryOptions } from '@tanstack/react-query';
import * as catalog from '../api/catalog';
import { getMe } from '../api/session';
import * as warehouses from '../api/warehouses';
import type { Warehouse } from '../api/types';

const MOVING_MS = 1000;
const SETTLED_MS = 10_000;

const moving = (list: readonly Warehouse[] | undefined) =>
  list?.some(({ state }) => state === 'STARTING' || state === 'STOPPING' || state === 'DELETING') ?? false;

export const warehousesQuery = queryOptions({
  queryKey: ['warehouses'],
  queryFn: ({ signal }) => warehouses.listWarehouses(signal),
  refetchInterval: (query) => (moving(query.state.data) ? MOVING_MS : SETTLED_MS),
});

export const catalogsQuery = queryOptions({
  queryKey: ['uc', 'catalogs'],
  queryFn: ({ signal }) => catalog.listCatalogs(signal),
});

export const schemasQuery = (name: string) =>
  queryOptions({ queryKey: ['uc', 'schemas', name], queryFn: ({ signal }) => catalog.listSchemas(name, signal) });

export const tablesQuery = (name: string, schema: string) =>
  queryOptions({
    queryKey: ['uc', 'tables', name, schema],
    queryFn: ({ signal }) => catalog.listTables(name, schema, signal),
  });

export const volumesQuery = (name: string, schema: string) =>
  queryOptions({
    queryKey: ['uc', 'volumes', name, schema],
    queryFn: ({ signal }) => catalog.listVolumes(name, schema, signal),
  });

export const functionsQuery = (name: string, schema: string) =>
  queryOptions({
    queryKey: ['uc', 'functions', name, schema],
    queryFn: ({ signal }) => catalog.listFunctions(name, schema, signal),
  });

export const tableQuery = (fullName: string) =>
  queryOptions({ queryKey: ['uc', 'table', fullName], queryFn: ({ signal }) => catalog.getTable(fullName, signal) });

export const meQuery = queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => getMe(signal) });
