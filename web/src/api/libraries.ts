/** Libraries of clusters. */
import { api, as, body, withSignal } from './client';
import type { Library, LibraryFullStatus } from './types';

export const listLibraries = async (cluster_id: string, signal?: AbortSignal) =>
  (
    await as<{ library_statuses?: LibraryFullStatus[] }>(
      api.GET('/api/2.0/libraries/cluster-status', { params: { query: { cluster_id } }, ...withSignal(signal) }),
    )
  ).library_statuses ?? [];

export const installLibrary = (cluster_id: string, library: Library) =>
  body(api.POST('/api/2.0/libraries/install', { body: { cluster_id, libraries: [library] } }));
export const uninstallLibrary = (cluster_id: string, library: Library) =>
  body(api.POST('/api/2.0/libraries/uninstall', { body: { cluster_id, libraries: [library] } }));
