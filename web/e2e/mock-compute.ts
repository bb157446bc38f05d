/** The pretended server's compute and network: hosts, sandboxes, samples, policies, what was tried. */
import type { HostInfo, NetworkPolicy, OutboundAccess, Sandbox, WarehouseSample } from '../src/api/types';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const now = () => Date.now();
const ago = (minutes: number) => now() - minutes * 60_000;

export interface ComputeState {
  hosts: HostInfo[];
  sandboxes: Sandbox[];
  policies: NetworkPolicy[];
  /** Of the workspace. */
  policy: string;
  accesses: OutboundAccess[];
  ipLists: { list_id: string; label: string; list_type: string; ip_addresses: string[]; enabled: boolean }[];
  ipListsOn: boolean;
}

const HOSTS = ['019401c2-7d11-7c52-8e44-2f1d7a6c0b11', '019401c2-9a02-7b10-9d31-71c6e0a4f522', '0193ff90-11aa-7e0c-a5b3-0d9e6f7c8a33'] as const;
const WAREHOUSE = 'a1b2c3d4e5f60718';

function sandbox(index: number, change: Partial<Sandbox>): Sandbox {
  return {
    sandbox_id: `5f0c${index}d2e8b7a4c19`.padEnd(32, '0123456789abcdef'),
    workspace_id: 1,
    kind: 'ENGINE',
    warehouse_id: WAREHOUSE,
    warehouse_name: 'Starter Warehouse',
    node_id: HOSTS[0],
    generation: 3,
    state: 'RUNNING',
    isolation: 'full',
    isolation_reasons: [],
    created_at: ago(42 + index * 7),
    ready_at: ago(42 + index * 7) + 140,
    statements: 2,
    statements_max: 10,
    cpu_millis: 4000,
    memory_bytes_max: 8 * GIB,
    memory_bytes: 2.3 * GIB,
    processes: 2,
    cpu_ms: 184_000,
    cpu_cores: 1.74,
    egress: { bytes_sent: 48_211, bytes_received: 1_204_889, allowed: 31, denied: 0 },
    storage: { bytes_sent: 182_004, bytes_received: 731_442_118, allowed: 4120, denied: 0 },
    ...change,
  };
}

function host(index: number, change: Partial<HostInfo>): HostInfo {
  return {
    id: HOSTS[index] ?? '',
    host_id: HOSTS[index] ?? '',
    certificate_expires_at: now() + 86_400_000,
    version: '0.1.0',
    connected: true,
    state: 'READY',
    draining: false,
    leaving: false,
    isolation: 'full',
    isolation_reasons: [],
    region: 'eu-west-1',
    labels: {},
    cpus: 16,
    memory_bytes: 64 * GIB,
    memory_available_bytes: 41.5 * GIB,
    load1: 5.21,
    prestarted: 2,
    python: '3.13.5',
    last_seen_at: now() - 3000,
    sandboxes: [],
    ...change,
  };
}

/** As a host tells of it. */
const told = ({ sandbox_id, kind, workspace_id, warehouse_id, created_at, cpu_millis, memory_bytes_max, memory_bytes, cpu_cores }: Sandbox) => ({
  sandbox_id,
  kind,
  workspace_id,
  created_at,
  cpu_millis,
  memory_bytes_max,
  ...(warehouse_id ? { warehouse_id } : {}),
  ...(memory_bytes ? { memory_bytes } : {}),
  ...(cpu_cores ? { cpu_cores } : {}),
});

const REASONS = ['control groups are read-only: memory and processors are limited per process only', 'not root: sandboxes run as the agent’s own user'];

const restricted = (id: string, dry: boolean): NetworkPolicy => ({
  network_policy_id: id,
  egress: {
    network_access: {
      restriction_mode: 'RESTRICTED_ACCESS',
      allowed_internet_destinations: ['pypi.org', 'files.pythonhosted.org', '*.githubusercontent.com', 'api.exchange.example.com'].map((destination) => ({
        destination,
        internet_destination_type: 'DNS_NAME',
      })),
      blocked_internet_destinations: [],
      allowed_storage_destinations: [{ bucket_name: 'partner-drop', region: 'eu-west-1', storage_destination_type: 'AWS_S3' }],
      policy_enforcement: dry ? { enforcement_mode: 'DRY_RUN', dry_run_mode_product_filter: ['DBSQL'] } : { enforcement_mode: 'ENFORCED' },
    },
  },
});

function access(index: number, change: Partial<OutboundAccess>): OutboundAccess {
  return {
    event_id: `e${index}`,
    event_time: now() - index * 41_000,
    outcome: 'DENIED',
    destination_type: 'DNS',
    destination: 'files.example.org',
    port: 443,
    reason_code: 'not-in-policy',
    reason: "not in the workspace's network policy",
    suppressed: 0,
    sandbox_id: 's1',
    warehouse_id: WAREHOUSE,
    ...change,
  };
}

export function computeState(): ComputeState {
  const code = { kind: 'CODE' as const, statements: 0, statements_max: 0 };
  const sandboxes = [
    sandbox(0, {}),
    sandbox(1, { node_id: HOSTS[1], cpu_cores: 0.31, memory_bytes: 7.1 * GIB, statements: 0, isolation: 'degraded', isolation_reasons: REASONS }),
    sandbox(2, {
      ...code,
      user_name: 'ben@example.com',
      cpu_millis: 2000,
      memory_bytes_max: 2 * GIB,
      memory_bytes: 412 * MIB,
      cpu_cores: 1.96,
      generation: 1,
      egress: { bytes_sent: 9_110, bytes_received: 88_120_331, allowed: 14, denied: 7 },
    }),
    sandbox(3, { state: 'STARTING', created_at: now() - 2000, statements: 0, warehouse_id: '0f1e2d3c4b5a6978', warehouse_name: 'Reporting' }),
  ];
  for (const one of sandboxes) {
    if (one.kind === 'CODE') for (const key of ['warehouse_id', 'warehouse_name', 'statements', 'statements_max', 'storage', 'ready_at'] as const) delete one[key];
    if (one.state === 'STARTING') for (const key of ['memory_bytes', 'cpu_cores', 'cpu_ms', 'processes', 'egress', 'storage', 'ready_at'] as const) delete one[key];
  }
  const on = (id: string) => sandboxes.filter(({ node_id }) => node_id === id).map(told);
  const lost = host(2, { connected: false, state: 'LOST', last_seen_at: ago(190), region: '', labels: { rack: 'b7' } });
  for (const key of ['memory_available_bytes', 'load1', 'prestarted', 'python'] as const) delete lost[key];
  return {
    hosts: [
      host(0, { sandboxes: on(HOSTS[0]), labels: { 'dedicated-host': 'acme', rack: 'a1' } }),
      host(1, { sandboxes: on(HOSTS[1]), isolation: 'degraded', isolation_reasons: REASONS, cpus: 8, load1: 7.4, memory_bytes: 32 * GIB, memory_available_bytes: 3 * GIB, prestarted: 0 }),
      lost,
    ],
    sandboxes,
    policies: [
      { network_policy_id: 'default-policy', egress: { network_access: { restriction_mode: 'FULL_ACCESS' } } },
      restricted('restricted', false),
      restricted('trial', true),
    ],
    policy: 'restricted',
    accesses: [
      access(0, { suppressed: 11 }),
      access(1, { destination: 's3://other-team', destination_type: 'STORAGE', port: 0, path: '/exports/2026/part-0.parquet', reason_code: 'storage-bucket-denied', reason: 'the bucket does not belong to the workspace' }),
      access(2, {}),
      access(3, { destination: '203.0.113.9', destination_type: 'IP', reason_code: 'address-not-in-policy', reason: "an address without a name is not in the workspace's network policy", sandbox_id: 's2' }),
      access(4, { destination: 'internal.example.com', reason_code: 'address-not-public', reason: 'it resolves to 10.0.0.8, which is not an address of the internet' }),
      access(5, { outcome: 'ALLOWED', destination: 'pypi.org', reason_code: 'listed', reason: "in the workspace's network policy" }),
      access(6, { outcome: 'DRY_RUN', destination: 'telemetry.example.net' }),
    ].map((one) => {
      if (one.sandbox_id === 's2') delete one.warehouse_id;
      return one;
    }),
    ipLists: [
      { list_id: 'l1', label: 'Office', list_type: 'ALLOW', ip_addresses: ['198.51.100.0/24', '203.0.113.7'], enabled: true },
      { list_id: 'l2', label: 'Scanners', list_type: 'BLOCK', ip_addresses: ['192.0.2.44'], enabled: false },
    ],
    ipListsOn: false,
  };
}

function samples(period: number): { step_ms: number; samples: WarehouseSample[] } {
  const step = Math.ceil(period / 240 / 15_000) * 15_000;
  const last = Math.floor(now() / step) * step;
  const count = Math.floor((period * 0.7) / step);
  return {
    step_ms: step,
    samples: Array.from({ length: count }, (_, index) => {
      const wave = Math.abs(Math.sin(index / 9) + Math.sin(index / 3.7) / 2);
      const engines = wave > 1.1 ? 2 : 1;
      return {
        time: last - (count - 1 - index) * step,
        engines,
        running: Math.round(wave * 8),
        queued: wave > 1.2 ? Math.round((wave - 1.1) * 14) : 0,
        cpu_millis: Math.round(Math.min(wave * 2900, engines * 4000)),
        cpu_millis_max: engines * 4000,
        memory_bytes: Math.round((1.2 + wave * 1.9) * GIB),
        memory_bytes_max: engines * 8 * GIB,
      };
    }),
  };
}

const EVENTS = [
  ['SCALED_DOWN', 1, 4],
  ['SCALED_UP', 2, 9],
  ['RUNNING', 1, 41],
  ['STARTING', 0, 41.004],
  ['STOPPED', 0, 180],
  ['STOPPING', 0, 180.01],
] as const;

export interface Answer {
  status?: number;
  body: unknown;
}

export interface Asked {
  method: string;
  path: string;
  search: URLSearchParams;
  body: string | null;
  empty: boolean;
}

/** Undefined: it is none of these. */
export function compute(state: ComputeState, { method, path, search, body, empty }: Asked): Answer | undefined {
  const list = <T>(items: T[]): T[] => (empty ? [] : items);
  const sent = () => JSON.parse(body ?? '{}') as Record<string, unknown>;
  const is = (pattern: RegExp) => pattern.exec(path);
  if (path === '/api/2.0/biplane/sandboxes') {
    const fits = (one: Sandbox) => ['warehouse_id', 'node_id'].every((key) => !search.get(key) || one[key as 'node_id'] === search.get(key));
    return { body: { sandboxes: list(state.sandboxes.filter(fits)) } };
  }
  if (path === '/api/2.0/biplane/nodes') return { body: { nodes: list(state.hosts) } };
  const node = is(/^\/api\/2\.0\/biplane\/nodes\/([^/]+)(\/\w+)?$/);
  if (node) {
    const found = state.hosts.find(({ id }) => id === node[1]);
    if (!found) return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'No such node.' } };
    if (method === 'DELETE') state.hosts = state.hosts.filter((one) => one !== found);
    else Object.assign(found, { draining: node[2] === '/drain', state: node[2] === '/drain' ? 'DRAINING' : 'READY' });
    return { body: found };
  }
  if (is(/\/biplane\/warehouses\/\w+\/samples$/)) {
    const { step_ms, samples: all } = samples(now() - Number(search.get('start_time')));
    return { body: { step_ms, samples: list(all) } };
  }
  if (is(/\/biplane\/warehouses\/\w+\/events$/)) {
    const events = EVENTS.map(([event_type, cluster_count, minutes]) => ({ warehouse_id: WAREHOUSE, event_type, cluster_count, event_time: ago(minutes) }));
    return { body: { events: list(events) } };
  }
  if (path === '/api/2.0/biplane/outbound-accesses') {
    const outcome = search.get('outcome');
    return { body: { accesses: list(state.accesses.filter((one) => !outcome || one.outcome === outcome)) } };
  }
  return network(state, { method, path, sent, list });
}

interface NetworkAsked {
  method: string;
  path: string;
  sent: () => Record<string, unknown>;
  list: <T>(items: T[]) => T[];
}

const config = (id: string, name: string) => ({
  network_connectivity_config_id: id,
  account_id: '3f7b',
  name,
  region: 'eu-west-1',
  creation_time: ago(60_000),
  updated_time: ago(60_000),
  egress_config: {
    default_rules: { aws_stable_ip_rule: { cidr_blocks: ['198.51.100.16/28', '203.0.113.7/32'] } },
    target_rules: {
      aws_private_endpoint_rules: [
        { rule_id: 'r1', endpoint_service: 'com.amazonaws.eu-west-1.s3', resource_names: ['vault'], connection_state: 'CREATE_FAILED', error_message: 'This deployment cannot make private endpoints.' },
      ],
    },
  },
});

function network(state: ComputeState, { method, path, sent, list }: NetworkAsked): Answer | undefined {
  if (path === '/api/2.0/biplane/network') {
    return {
      body: {
        workspace_id: 1,
        region: 'eu-west-1',
        network_policy: state.policies.find(({ network_policy_id }) => network_policy_id === state.policy),
        network_connectivity_config: config('ncc-1', 'ncc-europe'),
        ip_access_lists_enabled: state.ipListsOn,
        public_access_enabled: true,
        source_ip: '198.51.100.20',
      },
    };
  }
  if (path === '/api/2.0/workspace-conf') {
    state.ipListsOn = sent()['enableIpAccessLists'] === 'true';
    return { body: {} };
  }
  const ipList = /^\/api\/2\.0\/ip-access-lists\/?(\w*)$/.exec(path);
  if (ipList) {
    const found = state.ipLists.find(({ list_id }) => list_id === ipList[1]);
    if (method === 'POST') state.ipLists.push({ list_id: `l${state.ipLists.length + 1}`, enabled: true, ...(sent() as { label: string; list_type: string; ip_addresses: string[] }) });
    if (method === 'PATCH' && found) Object.assign(found, sent());
    if (method === 'DELETE') state.ipLists = state.ipLists.filter((one) => one !== found);
    const shown = state.ipLists.map((one) => ({ ...one, address_count: one.ip_addresses.length, created_at: ago(9000), created_by: 1, updated_at: ago(800), updated_by: 1 }));
    return { body: { ip_access_lists: list(shown) } };
  }
  const account = /^\/api\/2\.0\/accounts\/[^/]+\/(.+)$/.exec(path)?.[1];
  if (account === undefined) return undefined;
  const policy = /^network-policies\/?([\w-]*)$/.exec(account);
  if (policy) {
    const at = state.policies.findIndex(({ network_policy_id }) => network_policy_id === policy[1]);
    if (method === 'POST') state.policies.push(sent() as NetworkPolicy);
    if (method === 'PUT') state.policies[at] = sent() as NetworkPolicy;
    if (method === 'DELETE') state.policies.splice(at, 1);
    return { body: policy[1] ? (state.policies[at] ?? {}) : { items: state.policies } };
  }
  if (account.startsWith('network-connectivity-configs')) return { body: { items: list([config('ncc-1', 'ncc-europe')]) } };
  if (account.endsWith('/network')) {
    if (method === 'PUT') state.policy = String(sent()['network_policy_id']);
    return { body: { network_policy_id: state.policy } };
  }
  return undefined;
}
