/** What the pages of clusters read, and how often: often while something moves. */
import { queryOptions } from '@tanstack/react-query';
import * as api from '../../api/clusters';
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
