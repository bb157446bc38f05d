/** SQL warehouses. */
import { allPages, send } from './http';
import type { Warehouse, WarehouseSpec } from './types';

const BASE = '/api/2.0/sql/warehouses';
const one = (id: string) => `${BASE}/${encodeURIComponent(id)}`;

export const listWarehouses = (signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<{ warehouses?: Warehouse[]; next_page_token?: string }>('GET', BASE, {
        query: { page_token: token },
        signal,
      }),
    (page) => page.warehouses,
  );

export const getWarehouse = (id: string, signal?: AbortSignal) => send<Warehouse>('GET', one(id), { signal });
export const createWarehouse = (spec: WarehouseSpec) => send<{ id: string }>('POST', BASE, { body: spec });
export const editWarehouse = (id: string, spec: WarehouseSpec) =>
  send<unknown>('POST', `${one(id)}/edit`, { body: spec });
export const deleteWarehouse = (id: string) => send<unknown>('DELETE', one(id));
export const startWarehouse = (id: string) => send<unknown>('POST', `${one(id)}/start`, { body: {} });
export const stopWarehouse = (id: string) => send<unknown>('POST', `${one(id)}/stop`, { body: {} });
