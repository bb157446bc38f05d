/** SQL warehouses. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type { Warehouse, WarehouseSpec } from './types';

const at = (id: string) => ({ params: { path: { id } } });

export const listWarehouses = (signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ warehouses?: Warehouse[]; next_page_token?: string }>(
        api.GET('/api/2.0/sql/warehouses', { params: { query: { ...(page_token ? { page_token } : {}) } }, ...withSignal(signal) }),
      ),
    (page) => page.warehouses,
  );

export const createWarehouse = (spec: WarehouseSpec) => body(api.POST('/api/2.0/sql/warehouses', { body: spec }));
export const editWarehouse = (id: string, spec: WarehouseSpec) =>
  body(api.POST('/api/2.0/sql/warehouses/{id}/edit', { ...at(id), body: spec }));
export const deleteWarehouse = (id: string) => body(api.DELETE('/api/2.0/sql/warehouses/{id}', at(id)));
export const startWarehouse = (id: string) => body(api.POST('/api/2.0/sql/warehouses/{id}/start', at(id)));
export const stopWarehouse = (id: string) => body(api.POST('/api/2.0/sql/warehouses/{id}/stop', at(id)));
