/** What the account's pages read. Workspaces are asked often while one of them is being made. */
import { queryOptions } from '@tanstack/react-query';
import * as api from '../../api/account';
import { listWorkspaces } from '../../api/network';

const MOVING_MS = 1500;
const SETTLED_MS = 15_000;

export const accountWorkspacesQuery = (account: string) =>
  queryOptions({
    queryKey: ['account', 'workspaces', account],
    queryFn: ({ signal }) => listWorkspaces(account, signal),
    refetchInterval: ({ state }) => (state.data?.some(({ workspace_status: status }) => status !== 'RUNNING' && status !== 'FAILED') ? MOVING_MS : SETTLED_MS),
  });

export const credentialsQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'credentials', account], queryFn: ({ signal }) => api.listCredentials(account, signal) });
export const storageQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'storage', account], queryFn: ({ signal }) => api.listStorage(account, signal) });
export const networksQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'networks', account], queryFn: ({ signal }) => api.listNetworks(account, signal) });
export const keysQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'keys', account], queryFn: ({ signal }) => api.listKeys(account, signal) });
export const endpointsQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'endpoints', account], queryFn: ({ signal }) => api.listEndpoints(account, signal) });
export const privateAccessQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'private-access', account], queryFn: ({ signal }) => api.listPrivateAccess(account, signal) });
export const metastoresQuery = (account: string) =>
  queryOptions({ queryKey: ['account', 'metastores', account], queryFn: ({ signal }) => api.listMetastores(account, signal) });
export const assignmentsQuery = (account: string, workspace: string) =>
  queryOptions({ queryKey: ['account', 'assignments', account, workspace], queryFn: ({ signal }) => api.listAssignments(account, workspace, signal) });
export const metastoreOfQuery = (account: string, workspace: string) =>
  queryOptions({ queryKey: ['account', 'metastore-of', account, workspace], queryFn: ({ signal }) => api.getMetastoreOf(account, workspace, signal) });
