/** Unity Catalog REST: catalogs, schemas, tables, volumes, functions and their grants. */
import { allPages, send } from './http';
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
const name = encodeURIComponent;

interface Paged {
  next_page_token?: string;
}

export const listCatalogs = (signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { catalogs?: CatalogInfo[] }>('GET', `${UC}/catalogs`, { query: { page_token: token }, signal }),
    (page) => page.catalogs,
  );

export const listSchemas = (catalog: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { schemas?: SchemaInfo[] }>('GET', `${UC}/schemas`, {
        query: { catalog_name: catalog, page_token: token },
        signal,
      }),
    (page) => page.schemas,
  );

const inSchema = (catalog: string, schema: string, token: string | undefined) => ({
  catalog_name: catalog,
  schema_name: schema,
  page_token: token,
});

export const listTables = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { tables?: TableInfo[] }>('GET', `${UC}/tables`, {
        query: { ...inSchema(catalog, schema, token), omit_columns: true, omit_properties: true },
        signal,
      }),
    (page) => page.tables,
  );

export const listVolumes = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { volumes?: VolumeInfo[] }>('GET', `${UC}/volumes`, {
        query: inSchema(catalog, schema, token),
        signal,
      }),
    (page) => page.volumes,
  );

export const listFunctions = (catalog: string, schema: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { functions?: FunctionInfo[] }>('GET', `${UC}/functions`, {
        query: inSchema(catalog, schema, token),
        signal,
      }),
    (page) => page.functions,
  );

const COLLECTION: Record<SecurableType, string> = {
  CATALOG: 'catalogs',
  SCHEMA: 'schemas',
  TABLE: 'tables',
  VOLUME: 'volumes',
  FUNCTION: 'functions',
};

const securable = (type: SecurableType, fullName: string) => `${UC}/${COLLECTION[type]}/${name(fullName)}`;

export const getCatalog = (fullName: string, signal?: AbortSignal) =>
  send<CatalogInfo>('GET', securable('CATALOG', fullName), { signal });
export const getSchema = (fullName: string, signal?: AbortSignal) =>
  send<SchemaInfo>('GET', securable('SCHEMA', fullName), { signal });
export const getTable = (fullName: string, signal?: AbortSignal) =>
  send<TableInfo>('GET', securable('TABLE', fullName), { signal });
export const getVolume = (fullName: string, signal?: AbortSignal) =>
  send<VolumeInfo>('GET', securable('VOLUME', fullName), { signal });
export const getFunction = (fullName: string, signal?: AbortSignal) =>
  send<FunctionInfo>('GET', securable('FUNCTION', fullName), { signal });

export const createCatalog = (body: { name: string; comment?: string }) =>
  send<CatalogInfo>('POST', `${UC}/catalogs`, { body });
export const createSchema = (body: { name: string; catalog_name: string; comment?: string }) =>
  send<SchemaInfo>('POST', `${UC}/schemas`, { body });
export const createVolume = (body: {
  name: string;
  catalog_name: string;
  schema_name: string;
  volume_type: 'MANAGED' | 'EXTERNAL';
  storage_location?: string;
  comment?: string;
}) => send<VolumeInfo>('POST', `${UC}/volumes`, { body });

export const updateSecurable = (type: SecurableType, fullName: string, body: { comment?: string; owner?: string }) =>
  send<unknown>('PATCH', securable(type, fullName), { body });

export const deleteSecurable = (type: SecurableType, fullName: string, force: boolean) =>
  send<unknown>('DELETE', securable(type, fullName), { query: force ? { force: true } : {} });

const permissions = (type: SecurableType, fullName: string) =>
  `${UC}/permissions/${type.toLowerCase()}/${name(fullName)}`;

export const getGrants = (type: SecurableType, fullName: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { privilege_assignments?: PrivilegeAssignment[] }>('GET', permissions(type, fullName), {
        query: { page_token: token },
        signal,
      }),
    (page) => page.privilege_assignments,
  );

export const getEffectiveGrants = (type: SecurableType, fullName: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<Paged & { privilege_assignments?: EffectiveAssignment[] }>(
        'GET',
        `${UC}/effective-permissions/${type.toLowerCase()}/${name(fullName)}`,
        { query: { page_token: token }, signal },
      ),
    (page) => page.privilege_assignments,
  );

export const changeGrants = (type: SecurableType, fullName: string, changes: PermissionChange[]) =>
  send<unknown>('PATCH', permissions(type, fullName), { body: { changes } });
