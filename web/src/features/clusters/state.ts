/** States of clusters, and what can be done in each. */
import type { Cluster, ClusterState, NodeType } from '../../api/types';
import { plural, titleCase } from '../../lib/format';

const MOVING: readonly ClusterState[] = ['PENDING', 'RESTARTING', 'RESIZING', 'TERMINATING'];

export const moves = (state: ClusterState): boolean => MOVING.includes(state);

export function toneOf(state: ClusterState): string {
  if (state === 'RUNNING') return 'ok';
  if (moves(state)) return 'warn';
  return state === 'ERROR' ? 'danger' : '';
}

export const may = {
  start: ({ state }: Cluster) => state === 'TERMINATED',
  restart: ({ state }: Cluster) => state === 'RUNNING' || state === 'RESIZING',
  resize: ({ state, is_single_node }: Cluster) => (state === 'RUNNING' || state === 'RESIZING') && is_single_node !== true,
  terminate: ({ state }: Cluster) => state !== 'TERMINATED' && state !== 'TERMINATING',
  edit: ({ state }: Cluster) => state === 'RUNNING' || state === 'TERMINATED',
};

/** `Driver, 2 to 8 workers` */
export function sizeText({ num_workers = 0, autoscale, is_single_node }: Pick<Cluster, 'num_workers' | 'autoscale' | 'is_single_node'>): string {
  if (autoscale) return `${autoscale.min_workers ?? 0} to ${plural(autoscale.max_workers ?? 0, 'worker')}`;
  return is_single_node || num_workers === 0 ? 'Single node' : plural(num_workers, 'worker');
}

export const modeText = (mode: string | undefined): string => (mode === 'SINGLE_USER' ? 'Single user' : mode === 'USER_ISOLATION' ? 'Standard' : titleCase(mode ?? '–'));

/** `17.3 LTS` of the long name that clients read more from. */
export const runtimeText = (key: string | undefined, name?: string): string => name?.split(' (')[0] ?? key?.replace(/\.x-scala.*$/, '') ?? '–';

export const nodeTypeText = ({ node_type_id, memory_mb, num_cores, num_gpus }: NodeType): string =>
  [node_type_id, `${Math.round(memory_mb / 102.4) / 10} GiB memory`, plural(num_cores, 'core'), ...(num_gpus > 0 ? [plural(num_gpus, 'GPU')] : [])].join(' · ');

const REASONS: Record<string, string> = {
  USER_REQUEST: 'Ended by a user',
  INACTIVITY: 'Ended after a time without use',
  BOOTSTRAP_TIMEOUT: 'A host did not join in time',
  DRIVER_UNREACHABLE: 'The driver could not be reached any more',
  SPOT_INSTANCE_TERMINATION: 'The provider took back a spot host',
  CLOUD_PROVIDER_SHUTDOWN: 'The provider ended a host',
  CLOUD_PROVIDER_LAUNCH_FAILURE: 'The provider could not start a host',
  CLOUD_PROVIDER_RESOURCE_STOCKOUT: 'The provider has no such host left',
  AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE: 'AWS has no such host left in these zones',
  AWS_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET_FAILURE: 'The subnets have no free address left',
  AWS_AUTHORIZATION_FAILURE: 'AWS refused: the role of the workspace may not do this',
  AWS_RESOURCE_QUOTA_EXCEEDED: 'The quota of the AWS account is used up',
  AWS_REQUEST_LIMIT_EXCEEDED: 'AWS asked to slow down',
  INIT_SCRIPT_FAILURE: 'An init script failed',
  GLOBAL_INIT_SCRIPT_FAILURE: 'A global init script failed',
  SECRET_RESOLUTION_ERROR: 'A secret could not be read',
  INVALID_ARGUMENT: 'The provider refused what was asked',
};

export interface Ending {
  title: string;
  text: string;
  /** It was not meant to end. */
  failed: boolean;
}

/** Why it ended, in words, with what the provider said of it. */
export function endingOf(reason: { code: string; type: string; parameters?: Record<string, string> }): Ending {
  const { code, type, parameters = {} } = reason;
  const minutes = parameters['inactivity_duration_min'];
  const said = ['aws_error_message', 'provider_error_message', 'databricks_error_message'].map((key) => parameters[key]).filter(Boolean);
  const user = parameters['username'];
  const title = REASONS[code] ?? titleCase(code);
  return {
    title: code === 'INACTIVITY' && minutes ? `Ended after ${plural(Number(minutes), 'minute')} without use` : user ? `Ended by ${user}` : title,
    text: said.join(' '),
    failed: type !== 'SUCCESS',
  };
}
