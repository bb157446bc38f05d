/** Clusters: what they are, what happened to them, and what they can be made of. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type { Cluster, ClusterEvent, ClusterLogPiece, ClusterSpec, NodeType, RuntimeVersion } from './types';

const PAGE = 100;

const list = (filter: Record<string, string>, signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ clusters?: Cluster[]; next_page_token?: string }>(
        api.GET('/api/2.1/clusters/list', {
          params: { query: { page_size: PAGE, ...filter, ...(page_token ? { page_token } : {}) } },
          ...withSignal(signal),
        }),
      ),
    (page) => page.clusters,
  );

export type ListedCluster = Cluster & { pinned: boolean };

/** A cluster does not say that it is pinned; the list can be asked for those that are. */
export async function listClusters(signal?: AbortSignal): Promise<ListedCluster[]> {
  const [all, pinned] = await Promise.all([list({}, signal), list({ 'filter_by.is_pinned': 'true' }, signal)]);
  const ids = new Set(pinned.map(({ cluster_id }) => cluster_id));
  return all.map((one) => ({ ...one, pinned: ids.has(one.cluster_id) }));
}

export const listNodeTypes = async (signal?: AbortSignal) =>
  (await as<{ node_types?: NodeType[] }>(api.GET('/api/2.1/clusters/list-node-types', withSignal(signal)))).node_types ?? [];

export const listRuntimes = async (signal?: AbortSignal) =>
  (await as<{ versions?: RuntimeVersion[] }>(api.GET('/api/2.1/clusters/spark-versions', withSignal(signal)))).versions ?? [];

export const listZones = (signal?: AbortSignal) =>
  as<{ zones: string[]; default_zone: string }>(api.GET('/api/2.1/clusters/list-zones', withSignal(signal)));

export interface ClusterEventPage {
  events: ClusterEvent[];
  total_count: number;
  next_page_token?: string;
}

export const listClusterEvents = (cluster_id: string, page_token?: string, signal?: AbortSignal) =>
  as<ClusterEventPage>(
    api.POST('/api/2.1/clusters/events', {
      body: { cluster_id, page_size: 50, ...(page_token ? { page_token } : {}) },
      ...withSignal(signal),
    }),
  );

export const readClusterLog = (cluster_id: string, stream: 'stdout' | 'stderr' | 'log4j', cursor: number, signal?: AbortSignal) =>
  as<ClusterLogPiece>(api.GET('/api/2.0/biplane/clusters/{cluster_id}/log', { params: { path: { cluster_id }, query: { stream, cursor } }, ...withSignal(signal) }));

export const createCluster = async (spec: ClusterSpec) =>
  (await as<{ cluster_id: string }>(api.POST('/api/2.1/clusters/create', { body: spec }))).cluster_id;
/** Says all of it: what is not named goes. */
export const editCluster = (cluster_id: string, spec: ClusterSpec) =>
  body(api.POST('/api/2.1/clusters/edit', { body: { ...spec, cluster_id } }));

export type ClusterSize = Pick<ClusterSpec, 'num_workers' | 'autoscale'>;
export const resizeCluster = (cluster_id: string, size: ClusterSize) =>
  body(api.POST('/api/2.1/clusters/resize', { body: { cluster_id, ...size } }));

const named = (cluster_id: string) => ({ body: { cluster_id } });
export const startCluster = (id: string) => body(api.POST('/api/2.1/clusters/start', named(id)));
export const restartCluster = (id: string) => body(api.POST('/api/2.1/clusters/restart', named(id)));
export const terminateCluster = (id: string) => body(api.POST('/api/2.1/clusters/delete', named(id)));
export const deleteCluster = (id: string) => body(api.POST('/api/2.1/clusters/permanent-delete', named(id)));
export const pinCluster = (id: string) => body(api.POST('/api/2.1/clusters/pin', named(id)));
export const unpinCluster = (id: string) => body(api.POST('/api/2.1/clusters/unpin', named(id)));
