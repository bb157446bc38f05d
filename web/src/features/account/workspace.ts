/** A workspace as the form of one holds it. */
import type { WorkspaceInfo, WorkspaceRequest } from '../../api/types';

export interface WorkspaceDraft {
  name: string;
  region: string;
  /** With clusters in a cloud account of one's own. */
  hybrid: boolean;
  credentials: string;
  storage: string;
  network: string;
  key: string;
  privateAccess: string;
}

export const HYBRID = 'HYBRID';

export const draftOf = (workspace: WorkspaceInfo | null, region: string): WorkspaceDraft => ({
  name: workspace?.workspace_name ?? '',
  region: workspace?.aws_region ?? region,
  hybrid: workspace?.compute_mode === HYBRID,
  credentials: workspace?.credentials_id ?? '',
  storage: workspace?.storage_configuration_id ?? '',
  network: workspace?.network_id ?? '',
  key: workspace?.storage_customer_managed_key_id ?? '',
  privateAccess: workspace?.private_access_settings_id ?? '',
});

export const requestOf = (draft: WorkspaceDraft): WorkspaceRequest => ({
  workspace_name: draft.name.trim(),
  aws_region: draft.region.trim(),
  compute_mode: draft.hybrid ? HYBRID : 'SERVERLESS',
  ...(draft.hybrid && {
    credentials_id: draft.credentials,
    storage_configuration_id: draft.storage,
    network_id: draft.network,
    ...(draft.key && { storage_customer_managed_key_id: draft.key }),
  }),
  ...(draft.privateAccess && { private_access_settings_id: draft.privateAccess }),
});

/** Of one that exists: an empty text takes the private access settings off. */
export function changeOf(draft: WorkspaceDraft, before: WorkspaceInfo): WorkspaceRequest {
  const { aws_region, compute_mode: _mode, private_access_settings_id: _old, ...rest } = requestOf(draft);
  return {
    ...rest,
    ...(aws_region !== before.aws_region && { aws_region }),
    ...(draft.privateAccess !== (before.private_access_settings_id ?? '') && { private_access_settings_id: draft.privateAccess }),
  };
}

export const isComplete = (draft: WorkspaceDraft): boolean =>
  Boolean(draft.name.trim() && draft.region.trim() && (!draft.hybrid || (draft.credentials && draft.storage && draft.network)));

export function statusTone(status: string): string {
  if (status === 'RUNNING') return 'ok';
  return status === 'FAILED' ? 'danger' : 'warn';
}
