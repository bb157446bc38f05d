/** What the pages of clusters read, and how often: often while something moves. */
import { queryOptions } from '@tanstack/react-query';
import * as api from '../../api/clusters';
import * as policies from '../../api/policies';
import * as pools from '../../api/pools';
import { moves } from './state';

const MOVING_MS = 1000;
const SETTLED_MS = 5000;
const OFFER_MS = 300_000;

export const clustersQuery = queryOptions({
  queryKey: ['clusters'],
  queryFn: ({ signal }) => api.listClusters(signal),
  refetchInterval: ({ state }) => (state.data?.some(({ state: one }) => moves(one)) ? MOVING_MS : SETTLED_MS),
});

export const nodeTypesQuery = queryOptions({
  queryKey: ['cluster-offer', 'node-types'],
  queryFn: ({ signal }) => api.listNodeTypes(signal),
  staleTime: OFFER_MS,
});

export const runtimesQuery = queryOptions({
  queryKey: ['cluster-offer', 'runtimes'],
  queryFn: ({ signal }) => api.listRuntimes(signal),
  staleTime: OFFER_MS,
});

export const zonesQuery = queryOptions({
  queryKey: ['cluster-offer', 'zones'],
  queryFn: ({ signal }) => api.listZones(signal),
  staleTime: OFFER_MS,
});

export const policiesQuery = queryOptions({
  queryKey: ['cluster-policies'],
  queryFn: ({ signal }) => policies.listPolicies(signal),
});

export const familiesQuery = queryOptions({
  queryKey: ['policy-families'],
  queryFn: ({ signal }) => policies.listFamilies(signal),
  staleTime: OFFER_MS,
});

export const complianceQuery = (policy: string) =>
  queryOptions({
    queryKey: ['cluster-policies', policy, 'compliance'],
    queryFn: ({ signal }) => policies.listCompliance(policy, signal),
  });

export const poolsQuery = queryOptions({
  queryKey: ['instance-pools'],
  queryFn: ({ signal }) => pools.listPools(signal),
  refetchInterval: ({ state }) => (state.data?.some(({ stats }) => stats.pending_idle_count + stats.pending_used_count > 0) ? MOVING_MS : SETTLED_MS),
});
