/** What more than one section of the network reads. */
import { queryOptions } from '@tanstack/react-query';
import * as api from '../../api/network';

export const networkQuery = queryOptions({ queryKey: ['network', 'here'], queryFn: ({ signal }) => api.getNetwork(signal) });

export const policiesQuery = (account: string) =>
  queryOptions({ queryKey: ['network', 'policies', account], queryFn: ({ signal }) => api.listPolicies(account, signal) });

export const connectivityQuery = (account: string) =>
  queryOptions({ queryKey: ['network', 'connectivity', account], queryFn: ({ signal }) => api.listConnectivity(account, signal) });

export const ipListsQuery = queryOptions({ queryKey: ['network', 'ip-lists'], queryFn: ({ signal }) => api.listIpLists(signal) });

/** Each is asked for its policy: the list does not say. */
const WORKSPACES_MAX = 100;

export const workspacesQuery = (account: string) =>
  queryOptions({
    queryKey: ['network', 'workspaces', account],
    queryFn: async ({ signal }) => {
      const all = (await api.listWorkspaces(account, signal)).slice(0, WORKSPACES_MAX);
      return Promise.all(all.map(async (one) => ({ ...one, policy: await api.getWorkspacePolicy(account, String(one.workspace_id), signal) })));
    },
  });
