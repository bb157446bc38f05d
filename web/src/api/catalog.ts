/** Unity Catalog REST: catalogs, schemas, tables, volumes, functions and their grants. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type {
  CatalogInfo,
  EffectiveAssignment,
  FunctionInfo,
  PermissionChange,
  PrivilegeAssignment,
  SchemaInfo,
  SecurableType,
  TableInfo,
  VolumeInfo,
} from './types';

const UC = '/api/2.1/unity-catalog';

interface Paged {
  next_page_token?: string;
}

const after = (page_token: string | undefined) => (page_token ? { page_token } : {});
const inSchema = (catalog_name: string, schema_name: string, token: string | undefined) => ({
  catalog_name,
  schema_name,
  ...after(token),
});

export const listCatalogs = (signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { catalogs?: CatalogInfo[] }>(
        api.GET(`${UC}/catalogs`, { params: { query: after(token) }, ...withSignal(signal) }),
      ),
    (page) => page.catalogs,
  );

export const listSchemas = (catalog_name: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { schemas?: SchemaInfo[] }>(
        api.GET(`${UC}/schemas`, { params: { query: { catalog_name, ...after(token) } }, ...withSignal(signal) }),
      ),
    (page) => page.schemas,
  );

export const listTables = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { tables?: TableInfo[] }>(
        api.GET(`${UC}/tables`, {
          params: { query: { ...inSchema(catalog, schema, token), omit_columns: true, omit_properties: true } },
          ...withSignal(signal),
        }),
      ),
    (page) => page.tables,
  );

export const listVolumes = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { volumes?: VolumeInfo[] }>(
        api.GET(`${UC}/volumes`, { params: { query: inSchema(catalog, schema, token) }, ...withSignal(signal) }),
      ),
    (page) => page.volumes,
  );

export const listFunctions = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { functions?: FunctionInfo[] }>(
        api.GET(`${UC}/functions`, { params: { query: inSchema(catalog, schema, token) }, ...withSignal(signal) }),
      ),
    (page) => page.functions,
  );

const named = (name: string) => ({ params: { path: { name } } });
const full = (full_name: string) => ({ params: { path: { full_name } } });

export const getCatalog = (name: string, signal?: AbortSignal) =>
  as<CatalogInfo>(api.GET(`${UC}/catalogs/{name}`, { ...named(name), ...withSignal(signal) }));
export const getSchema = (name: string, signal?: AbortSignal) =>
  as<SchemaInfo>(api.GET(`${UC}/schemas/{full_name}`, { ...full(name), ...withSignal(signal) }));
export const getTable = (name: string, signal?: AbortSignal) =>
  as<TableInfo>(api.GET(`${UC}/tables/{full_name}`, { ...full(name), ...withSignal(signal) }));
export const getVolume = (name: string, signal?: AbortSignal) =>
  as<VolumeInfo>(api.GET(`${UC}/volumes/{name}`, { ...named(name), ...withSignal(signal) }));
export const getFunction = (name: string, signal?: AbortSignal) =>
  as<FunctionInfo>(api.GET(`${UC}/functions/{name}`, { ...named(name), ...withSignal(signal) }));

export const createCatalog = (catalog: { name: string; comment?: string }) =>
  as<CatalogInfo>(api.POST(`${UC}/catalogs`, { body: catalog }));
export const createSchema = (schema: { name: string; catalog_name: string; comment?: string }) =>
  as<SchemaInfo>(api.POST(`${UC}/schemas`, { body: schema }));
export const createVolume = (volume: {
  name: string;
  catalog_name: string;
  schema_name: string;
  volume_type: 'MANAGED' | 'EXTERNAL';
  storage_location?: string;
  comment?: string;
}) => as<VolumeInfo>(api.POST(`${UC}/volumes`, { body: volume }));

interface Change {
  comment?: string;
  owner?: string;
}

const UPDATE: Record<SecurableType, (name: string, change: Change) => Promise<unknown>> = {
  CATALOG: (name, change) => body(api.PATCH(`${UC}/catalogs/{name}`, { ...named(name), body: change })),
  SCHEMA: (name, change) => body(api.PATCH(`${UC}/schemas/{full_name}`, { ...full(name), body: change })),
  TABLE: (name, change) => body(api.PATCH(`${UC}/tables/{full_name}`, { ...full(name), body: change })),
  VOLUME: (name, change) => body(api.PATCH(`${UC}/volumes/{name}`, { ...named(name), body: change })),
  FUNCTION: (name, change) => body(api.PATCH(`${UC}/functions/{name}`, { ...named(name), body: change })),
};

export const updateSecurable = (type: SecurableType, name: string, change: Change) => UPDATE[type](name, change);

const DELETE: Record<SecurableType, (name: string, force: boolean) => Promise<unknown>> = {
  CATALOG: (name, force) =>
    body(api.DELETE(`${UC}/catalogs/{name}`, { params: { path: { name }, query: force ? { force } : {} } })),
  SCHEMA: (full_name, force) =>
    body(api.DELETE(`${UC}/schemas/{full_name}`, { params: { path: { full_name }, query: force ? { force } : {} } })),
  TABLE: (name) => body(api.DELETE(`${UC}/tables/{full_name}`, full(name))),
  VOLUME: (name) => body(api.DELETE(`${UC}/volumes/{name}`, named(name))),
  FUNCTION: (name) => body(api.DELETE(`${UC}/functions/{name}`, named(name))),
};

export const deleteSecurable = (type: SecurableType, name: string, force: boolean) => DELETE[type](name, force);

const securable = (type: SecurableType, full_name: string, token?: string) => ({
  params: { path: { securable_type: type.toLowerCase(), full_name }, query: after(token) },
});

export const getGrants = (type: SecurableType, name: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { privilege_assignments?: PrivilegeAssignment[] }>(
        api.GET(`${UC}/permissions/{securable_type}/{full_name}`, { ...securable(type, name, token), ...withSignal(signal) }),
      ),
    (page) => page.privilege_assignments,
  );

export const getEffectiveGrants = (type: SecurableType, name: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      as<Paged & { privilege_assignments?: EffectiveAssignment[] }>(
        api.GET(`${UC}/effective-permissions/{securable_type}/{full_name}`, {
          ...securable(type, name, token),
          ...withSignal(signal),
        }),
      ),
    (page) => page.privilege_assignments,
  );

export const changeGrants = (type: SecurableType, name: string, changes: PermissionChange[]) =>
  body(api.PATCH(`${UC}/permissions/{securable_type}/{full_name}`, {
    params: { path: { securable_type: type.toLowerCase(), full_name: name } },
    body: { changes },
  }));
