/** The account: workspaces, what they are made of in a cloud account, and who may be in them. */
import { api, as, body, withSignal } from './client';
import { ApiError } from './http';
import type {
  Assignment,
  CloudNetwork,
  Credentials,
  ManagedKey,
  Metastore,
  PrivateAccess,
  StorageConfiguration,
  VpcEndpoint,
  WorkspaceInfo,
  WorkspaceRequest,
} from './types';

const of = (account_id: string) => ({ params: { path: { account_id } } });

const CREDENTIALS = '/api/2.0/accounts/{account_id}/credentials';
export const listCredentials = (account: string, signal?: AbortSignal) => as<Credentials[]>(api.GET(CREDENTIALS, { ...of(account), ...withSignal(signal) }));
export const createCredentials = (account: string, credentials_name: string, role_arn: string) =>
  body(api.POST(CREDENTIALS, { ...of(account), body: { credentials_name, aws_credentials: { sts_role: { role_arn } } } }));
export const deleteCredentials = (account_id: string, credentials_id: string) =>
  body(api.DELETE(`${CREDENTIALS}/{credentials_id}`, { params: { path: { account_id, credentials_id } } }));

const STORAGE = '/api/2.0/accounts/{account_id}/storage-configurations';
export const listStorage = (account: string, signal?: AbortSignal) => as<StorageConfiguration[]>(api.GET(STORAGE, { ...of(account), ...withSignal(signal) }));
export const createStorage = (account: string, storage_configuration_name: string, bucket_name: string) =>
  body(api.POST(STORAGE, { ...of(account), body: { storage_configuration_name, root_bucket_info: { bucket_name } } }));
export const deleteStorage = (account_id: string, storage_configuration_id: string) =>
  body(api.DELETE(`${STORAGE}/{storage_configuration_id}`, { params: { path: { account_id, storage_configuration_id } } }));

const NETWORKS = '/api/2.0/accounts/{account_id}/networks';
export const listNetworks = (account: string, signal?: AbortSignal) => as<CloudNetwork[]>(api.GET(NETWORKS, { ...of(account), ...withSignal(signal) }));
export type NetworkRequest = Pick<CloudNetwork, 'network_name' | 'vpc_id' | 'subnet_ids' | 'security_group_ids' | 'vpc_endpoints'>;
export const createNetwork = (account: string, request: NetworkRequest) => body(api.POST(NETWORKS, { ...of(account), body: request }));
export const deleteNetwork = (account_id: string, network_id: string) =>
  body(api.DELETE(`${NETWORKS}/{network_id}`, { params: { path: { account_id, network_id } } }));

const KEYS = '/api/2.0/accounts/{account_id}/customer-managed-keys';
export const listKeys = (account: string, signal?: AbortSignal) => as<ManagedKey[]>(api.GET(KEYS, { ...of(account), ...withSignal(signal) }));
export interface KeyRequest {
  key_arn: string;
  key_alias?: string;
  reuse_key_for_cluster_volumes: boolean;
}
export const createKey = (account: string, aws_key_info: KeyRequest) =>
  body(api.POST(KEYS, { ...of(account), body: { use_cases: ['STORAGE'], aws_key_info } }));
export const deleteKey = (account_id: string, customer_managed_key_id: string) =>
  body(api.DELETE(`${KEYS}/{customer_managed_key_id}`, { params: { path: { account_id, customer_managed_key_id } } }));

const ENDPOINTS = '/api/2.0/accounts/{account_id}/vpc-endpoints';
export const listEndpoints = (account: string, signal?: AbortSignal) => as<VpcEndpoint[]>(api.GET(ENDPOINTS, { ...of(account), ...withSignal(signal) }));
export const createEndpoint = (account: string, request: { vpc_endpoint_name: string; region: string; aws_vpc_endpoint_id: string }) =>
  body(api.POST(ENDPOINTS, { ...of(account), body: request }));
export const deleteEndpoint = (account_id: string, vpc_endpoint_id: string) =>
  body(api.DELETE(`${ENDPOINTS}/{vpc_endpoint_id}`, { params: { path: { account_id, vpc_endpoint_id } } }));

const PRIVATE = '/api/2.0/accounts/{account_id}/private-access-settings';
export type PrivateAccessRequest = Pick<PrivateAccess, 'private_access_settings_name' | 'region' | 'public_access_enabled' | 'private_access_level' | 'allowed_vpc_endpoint_ids'>;
export const listPrivateAccess = (account: string, signal?: AbortSignal) => as<PrivateAccess[]>(api.GET(PRIVATE, { ...of(account), ...withSignal(signal) }));
export const createPrivateAccess = (account: string, request: PrivateAccessRequest) => body(api.POST(PRIVATE, { ...of(account), body: request }));
export const replacePrivateAccess = (account_id: string, private_access_settings_id: string, request: PrivateAccessRequest) =>
  body(api.PUT(`${PRIVATE}/{private_access_settings_id}`, { params: { path: { account_id, private_access_settings_id } }, body: request }));
export const deletePrivateAccess = (account_id: string, private_access_settings_id: string) =>
  body(api.DELETE(`${PRIVATE}/{private_access_settings_id}`, { params: { path: { account_id, private_access_settings_id } } }));

const WORKSPACES = '/api/2.0/accounts/{account_id}/workspaces';
const at = (account_id: string, workspace_id: string) => ({ params: { path: { account_id, workspace_id } } });
export const createWorkspace = (account: string, request: WorkspaceRequest) => as<WorkspaceInfo>(api.POST(WORKSPACES, { ...of(account), body: request }));
/** Also how one that failed is tried again. */
export const updateWorkspace = (account: string, id: string, request: WorkspaceRequest) =>
  as<WorkspaceInfo>(api.PATCH(`${WORKSPACES}/{workspace_id}`, { ...at(account, id), body: request }));
export const deleteWorkspace = (account: string, id: string) => body(api.DELETE(`${WORKSPACES}/{workspace_id}`, at(account, id)));

const ASSIGNMENTS = `${WORKSPACES}/{workspace_id}/permissionassignments` as const;
export const listAssignments = async (account: string, id: string, signal?: AbortSignal) =>
  (await as<{ permission_assignments?: Assignment[] }>(api.GET(ASSIGNMENTS, { ...at(account, id), ...withSignal(signal) }))).permission_assignments ?? [];
const principal = (account_id: string, workspace_id: string, principal_id: string) => ({ params: { path: { account_id, workspace_id, principal_id } } });
export const assign = (account: string, id: string, who: string, level: 'USER' | 'ADMIN') =>
  body(api.PUT(`${ASSIGNMENTS}/principals/{principal_id}`, { ...principal(account, id, who), body: { permissions: [level] } }));
export const unassign = (account: string, id: string, who: string) => body(api.DELETE(`${ASSIGNMENTS}/principals/{principal_id}`, principal(account, id, who)));

export const listMetastores = async (account: string, signal?: AbortSignal) =>
  (await as<{ metastores?: Metastore[] }>(api.GET('/api/2.0/accounts/{account_id}/metastores', { ...of(account), ...withSignal(signal) }))).metastores ?? [];

/** Null: it has none. */
export async function getMetastoreOf(account: string, id: string, signal?: AbortSignal): Promise<string | null> {
  try {
    const answer = await as<{ metastore_assignment?: { metastore_id?: string } }>(
      api.GET(`${WORKSPACES}/{workspace_id}/metastore`, { params: { path: { account_id: account, workspace_id: Number(id) } }, ...withSignal(signal) }),
    );
    return answer.metastore_assignment?.metastore_id ?? null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
export const setMetastoreOf = (account_id: string, workspace_id: string, metastore_id: string) =>
  body(
    api.PUT(`${WORKSPACES}/{workspace_id}/metastores/{metastore_id}`, {
      params: { path: { account_id, workspace_id: Number(workspace_id), metastore_id } },
      body: { metastore_assignment: { metastore_id } },
    }),
  );
