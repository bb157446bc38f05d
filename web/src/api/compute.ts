/** Sandboxes, hosts, and what a warehouse did over time. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type { HostInfo, Sandbox, WarehouseEvent, WarehouseSamples } from './types';

export interface SandboxFilter {
  all_workspaces?: boolean;
  node_id?: string;
  warehouse_id?: string;
}

const token = (page_token: string | undefined) => (page_token ? { page_token } : {});
/** More are counted, not shown. */
const PAGES_MAX = 5;

export const listSandboxes = (filter: SandboxFilter, signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ sandboxes?: Sandbox[]; next_page_token?: string }>(
        api.GET('/api/2.0/biplane/sandboxes', { params: { query: { ...filter, ...token(page_token) } }, ...withSignal(signal) }),
      ),
    (page) => page.sandboxes,
    PAGES_MAX,
  );

export const listHosts = (signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ nodes?: HostInfo[]; next_page_token?: string }>(
        api.GET('/api/2.0/biplane/nodes', { params: { query: token(page_token) }, ...withSignal(signal) }),
      ),
    (page) => page.nodes,
    PAGES_MAX,
  );

const host = (id: string) => ({ params: { path: { id } } });
export const drainHost = (id: string) => body(api.POST('/api/2.0/biplane/nodes/{id}/drain', host(id)));
export const resumeHost = (id: string) => body(api.POST('/api/2.0/biplane/nodes/{id}/resume', host(id)));
export const forgetHost = (id: string) => body(api.DELETE('/api/2.0/biplane/nodes/{id}', host(id)));

export const getSamples = (id: string, periodMs: number, signal?: AbortSignal) =>
  as<WarehouseSamples>(
    api.GET('/api/2.0/biplane/warehouses/{id}/samples', {
      params: { path: { id }, query: { start_time: Date.now() - periodMs } },
      ...withSignal(signal),
    }),
  );

export const listWarehouseEvents = (id: string, page_token?: string, signal?: AbortSignal) =>
  as<{ events: WarehouseEvent[]; next_page_token?: string }>(
    api.GET('/api/2.0/biplane/warehouses/{id}/events', {
      params: { path: { id }, query: { page_size: 50, ...token(page_token) } },
      ...withSignal(signal),
    }),
  );
