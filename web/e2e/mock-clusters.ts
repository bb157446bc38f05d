/** The pretended server's clusters: in each state, with what they can be made of. */
import type { Cluster, ClusterEvent, ClusterSpec, NodeType } from '../src/api/types';
import type { Answer, Asked } from './mock-compute';

export interface ClusterMock {
  list: Cluster[];
  pinned: Set<string>;
  /** What was asked for, as it was sent. */
  sent: { call: string; body: Record<string, unknown> }[];
}

const ago = (minutes: number) => Date.now() - minutes * 60_000;
const HOSTS = ['019401c2-7d11-7c52-8e44-2f1d7a6c0b11', '019401c2-9a02-7b10-9d31-71c6e0a4f522'];
export const CLUSTER = '1122-150000-etl00001';

const spec: ClusterSpec = {
  cluster_name: 'Nightly ETL',
  spark_version: '17.3.x-scala2.13',
  node_type_id: 'm5.large',
  driver_node_type_id: 'm5.large',
  autoscale: { min_workers: 1, max_workers: 4 },
  autotermination_minutes: 60,
  data_security_mode: 'SINGLE_USER',
  single_user_name: 'admin@biplane.local',
  custom_tags: { team: 'data' },
  spark_conf: { 'spark.sql.shuffle.partitions': '8' },
  spark_env_vars: { STAGE: 'prod' },
  aws_attributes: { availability: 'SPOT_WITH_FALLBACK', first_on_demand: 1, zone_id: 'auto' },
};

const host = (index: number, is_spot: boolean) => ({
  node_id: HOSTS[index] ?? '',
  instance_id: `i-0a1b2c3d4e5f6071${index}`,
  private_ip: `10.0.3.1${index}`,
  start_timestamp: ago(41),
  node_aws_attributes: { is_spot },
});

function cluster(cluster_id: string, change: Partial<Cluster>): Cluster {
  return {
    ...spec,
    spec,
    cluster_id,
    state: 'TERMINATED',
    state_message: '',
    creator_user_name: 'admin@biplane.local',
    cluster_source: 'UI',
    start_time: ago(600),
    last_state_loss_time: 0,
    default_tags: { Vendor: 'Biplane', ClusterId: cluster_id },
    ...change,
  };
}

export function clusterState(): ClusterMock {
  return {
    sent: [],
    pinned: new Set([CLUSTER]),
    list: [
      cluster(CLUSTER, { state: 'RUNNING', start_time: ago(42), num_workers: 1, cluster_cores: 4, cluster_memory_mb: 16_384, driver: host(0, false), executors: [host(1, true)] }),
      cluster('1122-151000-lab00002', {
        cluster_name: 'Lab',
        state: 'PENDING',
        state_message: 'Waiting for 1 host',
        creator_user_name: 'ben@example.com',
        data_security_mode: 'USER_ISOLATION',
        single_user_name: '',
        num_workers: 0,
      }),
      cluster('1120-090000-gpu00003', {
        cluster_name: 'Training',
        node_type_id: 'p4d.24xlarge',
        terminated_time: ago(95),
        termination_reason: {
          code: 'AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE',
          type: 'CLOUD_FAILURE',
          parameters: { aws_api_error_code: 'InsufficientInstanceCapacity', aws_error_message: 'We currently do not have sufficient p4d.24xlarge capacity in the Availability Zone you requested.' },
        },
      }),
    ],
  };
}

const EVENTS: readonly [string, number, Record<string, unknown>][] = [
  ['NODES_LOST', 3, { reason: { code: 'SPOT_INSTANCE_TERMINATION', type: 'CLOUD_FAILURE', parameters: {} }, instance_id: 'i-0a1b2c3d4e5f60711' }],
  ['PINNED', 20, { user: 'admin@biplane.local' }],
  ['RUNNING', 41, { current_num_workers: 1, target_num_workers: 1 }],
  ['STARTING', 42, { user: 'admin@biplane.local', cluster_size: { autoscale: { min_workers: 1, max_workers: 4 } } }],
  ['TERMINATING', 300, { reason: { code: 'INACTIVITY', type: 'SUCCESS', parameters: { inactivity_duration_min: '60' } } }],
  ['EDITED', 590, { user: 'admin@biplane.local', previous_attributes: { autotermination_minutes: 0 }, attributes: { autotermination_minutes: 60 } }],
  ['CREATING', 600, { user: 'admin@biplane.local', cluster_size: { num_workers: 2 } }],
];

const type = (node_type_id: string, num_cores: number, gib: number, category: string, num_gpus = 0): NodeType => ({
  node_type_id,
  num_cores,
  memory_mb: gib * 1024,
  category,
  num_gpus,
  description: node_type_id,
  instance_type_id: node_type_id,
  is_deprecated: false,
  is_encrypted_in_transit: false,
  is_graviton: false,
  is_hidden: false,
  is_io_cache_enabled: false,
  node_instance_type: { instance_type_id: node_type_id, local_disks: 0, local_disk_size_gb: 0, local_nvme_disk_size_gb: 0, local_nvme_disks: 0 },
  photon_driver_capable: false,
  photon_worker_capable: false,
  support_cluster_tags: true,
  support_ebs_volumes: true,
  support_port_forwarding: false,
});

const TYPES = [
  type('m5.large', 2, 8, 'General Purpose'),
  type('m5.xlarge', 4, 16, 'General Purpose'),
  type('r5.large', 2, 16, 'Memory Optimized'),
  type('p4d.24xlarge', 96, 1152, 'GPU Accelerated', 8),
];

/** Undefined: it is none of these. */
export function clusters(state: ClusterMock, { method, path, search, body, empty }: Asked): Answer | undefined {
  const call = /^\/api\/2\.1\/clusters\/([\w-]+)$/.exec(path)?.[1];
  if (call === undefined) return undefined;
  if (method === 'GET') return { body: offered(state, call, search, empty) };
  const sent = JSON.parse(body ?? '{}') as Record<string, unknown>;
  const id = String(sent['cluster_id'] ?? '');
  if (call === 'events') return { body: { events: EVENTS.map(([kind, minutes, details]): ClusterEvent => ({ cluster_id: id, type: kind, timestamp: ago(minutes), details })), total_count: EVENTS.length } };
  state.sent.push({ call, body: sent });
  if (call === 'create') {
    if (sent['cluster_name'] === 'too much') return { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: 'Node type m9.large is not supported.' } };
    const made = cluster('1123-160000-new00009', { ...(sent as ClusterSpec), spec: sent as ClusterSpec, state: 'PENDING', start_time: Date.now() });
    state.list.unshift(made);
    return { body: { cluster_id: made.cluster_id } };
  }
  const found = state.list.find(({ cluster_id }) => cluster_id === id);
  if (!found) return { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: `Cluster ${id} does not exist.` } };
  change(state, call, found, sent);
  return { body: {} };
}

function offered(state: ClusterMock, call: string, search: URLSearchParams, empty: boolean): unknown {
  if (call === 'list-node-types') return { node_types: TYPES };
  if (call === 'list-zones') return { zones: ['eu-west-1a', 'eu-west-1b'], default_zone: 'auto' };
  if (call === 'spark-versions') return { versions: [{ key: '17.3.x-scala2.13', name: '17.3 LTS (Biplane, with the interface of Apache Spark 4.0.0)' }, { key: '16.4.x-scala2.12', name: '16.4 LTS (Biplane)' }] };
  const pinned = search.get('filter_by.is_pinned') === 'true';
  return { clusters: empty ? [] : state.list.filter(({ cluster_id }) => !pinned || state.pinned.has(cluster_id)) };
}

function change(state: ClusterMock, call: string, found: Cluster, sent: Record<string, unknown>): void {
  const states: Record<string, Cluster['state']> = { start: 'PENDING', restart: 'RESTARTING', delete: 'TERMINATING', resize: 'RESIZING' };
  const next = states[call];
  if (next) found.state = next;
  if (call === 'pin') state.pinned.add(found.cluster_id);
  if (call === 'unpin') state.pinned.delete(found.cluster_id);
  if (call === 'permanent-delete') state.list = state.list.filter((one) => one !== found);
  if (call === 'edit') Object.assign(found, sent, { spec: sent });
}
