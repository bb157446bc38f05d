/** Network configuration: what compute may reach, and who may come. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type {
  AccessOutcome,
  ConnectivityConfig,
  IpAccessList,
  IpAccessListRequest,
  NetworkPolicy,
  OutboundAccess,
  WorkspaceInfo,
  WorkspaceNetwork,
} from './types';

const token = (page_token: string | undefined) => (page_token ? { page_token } : {});

export const getNetwork = (signal?: AbortSignal) =>
  as<WorkspaceNetwork>(api.GET('/api/2.0/biplane/network', { ...withSignal(signal) }));

export interface AccessFilter {
  outcome: AccessOutcome | '';
  sandbox?: string | undefined;
}

export const listAccesses = ({ outcome, sandbox }: AccessFilter, page_token?: string, signal?: AbortSignal) =>
  as<{ accesses: OutboundAccess[]; next_page_token?: string }>(
    api.GET('/api/2.0/biplane/outbound-accesses', {
      params: {
        query: { page_size: 200, ...(outcome ? { outcome } : {}), ...(sandbox ? { sandbox_id: sandbox } : {}), ...token(page_token) },
      },
      ...withSignal(signal),
    }),
  );

const POLICIES = '/api/2.0/accounts/{account_id}/network-policies';
const POLICY = '/api/2.0/accounts/{account_id}/network-policies/{network_policy_id}';

export const listPolicies = (account_id: string, signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ items?: NetworkPolicy[]; next_page_token?: string }>(
        api.GET(POLICIES, { params: { path: { account_id }, query: token(page_token) }, ...withSignal(signal) }),
      ),
    (page) => page.items,
  );

export const createPolicy = (account_id: string, policy: NetworkPolicy) =>
  body(api.POST(POLICIES, { params: { path: { account_id } }, body: policy }));
export const updatePolicy = (account_id: string, network_policy_id: string, policy: NetworkPolicy) =>
  body(api.PUT(POLICY, { params: { path: { account_id, network_policy_id } }, body: policy }));
export const deletePolicy = (account_id: string, network_policy_id: string) =>
  body(api.DELETE(POLICY, { params: { path: { account_id, network_policy_id } } }));
export const getPolicy = (account_id: string, network_policy_id: string) =>
  as<NetworkPolicy>(api.GET(POLICY, { params: { path: { account_id, network_policy_id } } }));

export const listWorkspaces = (account_id: string, signal?: AbortSignal) =>
  as<WorkspaceInfo[]>(api.GET('/api/2.0/accounts/{account_id}/workspaces', { params: { path: { account_id } }, ...withSignal(signal) }));

const NETWORK = '/api/2.0/accounts/{account_id}/workspaces/{workspace_id}/network';
export const getWorkspacePolicy = async (account_id: string, workspace_id: string, signal?: AbortSignal) =>
  (await as<{ network_policy_id: string }>(api.GET(NETWORK, { params: { path: { account_id, workspace_id } }, ...withSignal(signal) })))
    .network_policy_id;
export const setWorkspacePolicy = (account_id: string, workspace_id: string, network_policy_id: string) =>
  body(api.PUT(NETWORK, { params: { path: { account_id, workspace_id } }, body: { network_policy_id } }));

/** An empty id detaches. */
export const setWorkspaceConnectivity = (account_id: string, workspace_id: string, network_connectivity_config_id: string) =>
  body(
    api.PATCH('/api/2.0/accounts/{account_id}/workspaces/{workspace_id}', {
      params: { path: { account_id, workspace_id } },
      body: { network_connectivity_config_id },
    }),
  );

const CONFIGS = '/api/2.0/accounts/{account_id}/network-connectivity-configs';
export const listConnectivity = (account_id: string, signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ items?: ConnectivityConfig[]; next_page_token?: string }>(
        api.GET(CONFIGS, { params: { path: { account_id }, query: token(page_token) }, ...withSignal(signal) }),
      ),
    (page) => page.items,
  );
export const createConnectivity = (account_id: string, config: { name: string; region: string }) =>
  body(api.POST(CONFIGS, { params: { path: { account_id } }, body: config }));
export const deleteConnectivity = (account_id: string, network_connectivity_config_id: string) =>
  body(api.DELETE(`${CONFIGS}/{network_connectivity_config_id}`, { params: { path: { account_id, network_connectivity_config_id } } }));

export const listIpLists = async (signal?: AbortSignal) =>
  (await as<{ ip_access_lists?: IpAccessList[] }>(api.GET('/api/2.0/ip-access-lists', { ...withSignal(signal) }))).ip_access_lists ?? [];
const LIST = '/api/2.0/ip-access-lists/{ip_access_list_id}';
const list = (ip_access_list_id: string) => ({ params: { path: { ip_access_list_id } } });
export const createIpList = (request: IpAccessListRequest) => body(api.POST('/api/2.0/ip-access-lists', { body: request }));
export const changeIpList = (id: string, request: IpAccessListRequest) => body(api.PATCH(LIST, { ...list(id), body: request }));
export const deleteIpList = (id: string) => body(api.DELETE(LIST, list(id)));
export const enableIpLists = (on: boolean) =>
  body(api.PATCH('/api/2.0/workspace-conf', { body: { enableIpAccessLists: String(on) } as never }));
