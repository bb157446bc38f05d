/** A pretended server for the page tests: answers of the public API, made up, with a few switches. */
import type { Page, Route } from 'playwright-core';
import type { PlanNode, QueryInfo, StatementResponse, TableInfo, Warehouse } from '../src/api/types';
import { account, accountState, type AccountMock } from './mock-account';
import { clusters, clusterState, type ClusterMock } from './mock-clusters';
import { compute, computeState, type ComputeState } from './mock-compute';
import { objects, objectState, type ObjectMock } from './mock-objects';
import { policies, policyState, type PolicyMock } from './mock-policies';

export interface MockState {
  signedIn: boolean;
  warehouses: Warehouse[];
  /** Answers 500 to every list. */
  broken: boolean;
  /** Answers empty lists. */
  empty: boolean;
  /** Statements stay RUNNING until they are cancelled. */
  hang: boolean;
  cancelled: boolean;
  files: { path: string; name: string; is_directory: boolean; file_size?: number; last_modified: number }[];
  statements: string[];
  /** What was sent with each of them. */
  requests: { session_id?: string; parameters?: unknown[] }[];
  sessions: Map<string, { catalog?: string; schema?: string }>;
  permissions: { group_name?: string; user_name?: string; service_principal_name?: string; permission_level: string }[];
  grants: { principal: string; privileges: string[] }[];
  compute: ComputeState;
  clusters: ClusterMock;
  objects: ObjectMock;
  policies: PolicyMock;
  account: AccountMock;
}

const NOW = Date.UTC(2026, 10, 22, 15, 0, 0);
const ROWS = 2500;
const CHUNK = 1000;

export function newState(): MockState {
  return {
    signedIn: true,
    broken: false,
    empty: false,
    hang: false,
    cancelled: false,
    compute: computeState(),
    clusters: clusterState(),
    objects: objectState(),
    policies: policyState(),
    account: accountState(),
    statements: [],
    requests: [],
    sessions: new Map(),
    permissions: [
      { user_name: 'admin@biplane.local', permission_level: 'IS_OWNER' },
      { group_name: 'users', permission_level: 'CAN_USE' },
    ],
    grants: [
      { principal: 'analysts', privileges: ['USE_CATALOG', 'SELECT'] },
      { principal: 'ana@example.com', privileges: ['ALL_PRIVILEGES'] },
    ],
    warehouses: [warehouse('a1b2c3d4e5f60718', 'Starter Warehouse', 'RUNNING'), warehouse('0f1e2d3c4b5a6978', 'Reporting', 'STOPPED')],
    files: [
      { path: '/Volumes/main/default/landing/2013', name: '2013', is_directory: true, last_modified: NOW },
      { path: '/Volumes/main/default/landing/flights.csv', name: 'flights.csv', is_directory: false, file_size: 31_054_001, last_modified: NOW },
      { path: '/Volumes/main/default/landing/notes.txt', name: 'notes.txt', is_directory: false, file_size: 812, last_modified: NOW },
    ],
  };
}

function warehouse(id: string, name: string, state: Warehouse['state']): Warehouse {
  return {
    id,
    name,
    state,
    cluster_size: 'Small',
    min_num_clusters: 1,
    max_num_clusters: 2,
    num_clusters: state === 'RUNNING' ? 1 : 0,
    num_active_sessions: state === 'RUNNING' ? 3 : 0,
    auto_stop_mins: 10,
    warehouse_type: 'PRO',
    enable_serverless_compute: true,
    enable_photon: true,
    spot_instance_policy: 'COST_OPTIMIZED',
    channel: { name: 'CHANNEL_NAME_CURRENT' },
    tags: {},
    health: { status: 'HEALTHY' },
    creator_name: 'admin@biplane.local',
    jdbc_url: `jdbc:databricks://localhost:443/default;transportMode=http;ssl=1;AuthMech=3;httpPath=/sql/1.0/warehouses/${id};`,
    odbc_params: { hostname: 'localhost', path: `/sql/1.0/warehouses/${id}`, port: 443, protocol: 'https' },
  };
}

const about = (name: string, comment = '') => ({
  name,
  full_name: name,
  owner: 'admin@biplane.local',
  comment,
  created_at: NOW - 86_400_000 * 3,
  created_by: 'admin@biplane.local',
  updated_at: NOW,
  updated_by: 'admin@biplane.local',
  metastore_id: '5a7c1f7e-0000-4000-8000-000000000001',
});

const TABLES: TableInfo[] = ['customer', 'lineitem', 'nation', 'orders', 'part', 'partsupp', 'region', 'supplier'].map((name) => ({
  ...about(name, name === 'orders' ? 'One row per order' : ''),
  full_name: `samples.tpch.${name}`,
  catalog_name: 'samples',
  schema_name: 'tpch',
  table_type: name === 'region' ? 'VIEW' : 'MANAGED',
  data_source_format: 'DELTA',
  storage_location: `file:///var/lib/biplane/storage/tables/${name}`,
  table_id: '8d0c6f3e-2a52-4a3c-8a60-8a1d2f5d5f10',
  properties: { 'delta.minReaderVersion': '1', 'delta.minWriterVersion': '2' },
  columns: [
    { name: 'o_orderkey', type_name: 'LONG', type_text: 'bigint', nullable: false, comment: 'Key' },
    { name: 'o_custkey', type_name: 'LONG', type_text: 'bigint' },
    { name: 'o_orderstatus', type_name: 'STRING', type_text: 'string', comment: 'F, O or P' },
    { name: 'o_totalprice', type_name: 'DECIMAL', type_text: 'decimal(15,2)' },
    { name: 'o_orderdate', type_name: 'DATE', type_text: 'date', partition_index: 0 },
    { name: 'o_comment', type_name: 'STRING', type_text: 'string' },
  ],
}));

function rows(from: number, count: number): (string | null)[][] {
  return Array.from({ length: count }, (_, offset) => {
    const index = from + offset;
    const date = new Date(Date.UTC(1996, 0, 1) + (index % 365) * 86_400_000).toISOString().slice(0, 10);
    return [
      String(index + 1),
      'FOP'[index % 3] ?? null,
      (1000 + ((index * 7919) % 250_000) + 0.25).toFixed(2),
      date,
      index % 5 === 4 ? null : `quick ideas sleep along the ${index} bold packages`,
      index % 2 ? 'true' : 'false',
      `["a","b",${index}]`,
    ];
  });
}

const COLUMNS = [
  { name: 'o_orderkey', type_name: 'LONG', type_text: 'BIGINT' },
  { name: 'status', type_name: 'STRING', type_text: 'STRING' },
  { name: 'o_totalprice', type_name: 'DECIMAL', type_text: 'DECIMAL(15,2)' },
  { name: 'o_orderdate', type_name: 'DATE', type_text: 'DATE' },
  { name: 'o_comment', type_name: 'STRING', type_text: 'STRING' },
  { name: 'urgent', type_name: 'BOOLEAN', type_text: 'BOOLEAN' },
  { name: 'tags', type_name: 'ARRAY', type_text: 'ARRAY<STRING>' },
];

function statement(sql: string, id: string, state: MockState): StatementResponse {
  if (state.hang) return { statement_id: id, status: { state: state.cancelled ? 'CANCELED' : 'RUNNING' } };
  if (/nowhere/.test(sql)) {
    return {
      statement_id: id,
      status: {
        state: 'FAILED',
        sql_state: '42P01',
        error: {
          error_code: 'BAD_REQUEST',
          message:
            '[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`default`.`nowhere` cannot be found. Verify the spelling and correctness of the schema and catalog. SQLSTATE: 42P01; line 2 pos 5',
        },
      },
    };
  }
  if (/^(create|drop|use)/i.test(sql)) {
    return { statement_id: id, status: { state: 'SUCCEEDED' }, manifest: { schema: { columns: [] }, total_row_count: 0 } };
  }
  if (/^select 1$/i.test(sql.trim())) {
    return {
      statement_id: id,
      status: { state: 'SUCCEEDED' },
      manifest: {
        schema: { columns: [{ name: '1', type_name: 'INT', type_text: 'INT' }] },
        total_row_count: 1,
        chunks: [{ chunk_index: 0, row_offset: 0, row_count: 1 }],
      },
      result: { chunk_index: 0, data_array: [['1']] },
    };
  }
  const total = /limit (50|100)/i.test(sql) ? 50 : ROWS;
  const chunks = Array.from({ length: Math.ceil(total / CHUNK) }, (_, index) => ({
    chunk_index: index,
    row_offset: index * CHUNK,
    row_count: Math.min(CHUNK, total - index * CHUNK),
  }));
  return {
    statement_id: id,
    status: { state: 'SUCCEEDED' },
    manifest: { schema: { columns: COLUMNS }, total_row_count: total, chunks, truncated: total === ROWS },
    result: { chunk_index: 0, row_offset: 0, data_array: rows(0, Math.min(CHUNK, total)) },
  };
}

const QUERIES: QueryInfo[] = ['FINISHED', 'FAILED', 'RUNNING', 'CANCELED', 'FINISHED', 'FINISHED'].map((status, index) => ({
  query_id: `01ef-${index}`,
  query_text:
    index === 1
      ? 'SELECT *\nFROM main.default.nowhere'
      : 'SELECT o_orderstatus, sum(o_totalprice) AS total\nFROM samples.tpch.orders\nJOIN samples.tpch.lineitem ON l_orderkey = o_orderkey\nGROUP BY o_orderstatus',
  status: status as QueryInfo['status'],
  statement_type: 'SELECT',
  warehouse_id: 'a1b2c3d4e5f60718',
  user_id: 1,
  user_name: 'admin@biplane.local',
  executed_as_user_id: 1,
  executed_as_user_name: 'admin@biplane.local',
  endpoint_id: 'a1b2c3d4e5f60718',
  query_start_time_ms: NOW - index * 95_000,
  duration: 132 + index * 911,
  rows_produced: index * 1001,
  is_final: status !== 'RUNNING',
  client_application: 'Databricks SDK for Python',
  ...(index === 1 ? { error_message: '[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`default`.`nowhere` cannot be found. SQLSTATE: 42P01' } : {}),
  metrics: {
    total_time_ms: 132 + index * 911,
    compilation_time_ms: 21,
    execution_time_ms: 88 + index * 700,
    provisioning_queue_time_ms: 6,
    read_bytes: 48_231_009,
    rows_read_count: 750_000,
    read_files_count: 12,
    pruned_files_count: 30,
    spill_to_disk_bytes: 0,
  },
}));

const PROFILE: PlanNode = {
  name: 'Sort',
  detail: 'total DESC NULLS LAST',
  rows: 3,
  elapsed_ms: 0.4,
  children: [
    {
      name: 'Aggregate',
      detail: 'final, group by o_orderstatus, sum(o_totalprice)',
      rows: 3,
      elapsed_ms: 12.2,
      children: [
        {
          name: 'HashJoin',
          detail: 'inner, l_orderkey = o_orderkey',
          rows: 600_572,
          elapsed_ms: 61.7,
          bytes: 12_000_000,
          children: [
            { name: 'DeltaScan', detail: 'samples.tpch.orders, 4 of 4 files', rows: 150_000, elapsed_ms: 18.5, bytes: 9_200_000 },
            { name: 'DeltaScan', detail: 'samples.tpch.lineitem, 8 of 38 files', rows: 600_572, elapsed_ms: 44.1, bytes: 39_031_009, spilled_bytes: 1_048_576 },
          ],
        },
      ],
    },
  ],
};

export async function mockServer(page: Page, state: MockState): Promise<void> {
  await page.route('**/api/**', (route) => handle(route, state));
}

async function handle(route: Route, state: MockState): Promise<void> {
  const request = route.request();
  const url = new URL(request.url());
  const json = (body: unknown, status = 200) => route.fulfill({ status, json: body });
  const method = request.method();
  const path = decodeURIComponent(url.pathname);
  const refuse = (status: number, error_code: string, message: string) => json({ error_code, message }, status);
  if (path.endsWith('/auth/login')) {
    const { password } = request.postDataJSON() as { password: string };
    if (password !== 'secret') return refuse(401, 'UNAUTHENTICATED', 'Wrong user name or password.');
    state.signedIn = true;
    return json({});
  }
  if (!state.signedIn) return refuse(401, 'UNAUTHENTICATED', 'Sign in first.');
  if (path.endsWith('/auth/session')) {
    return json({ user_name: 'admin@biplane.local', display_name: 'Ada Admin', workspace_id: '1', account_id: '3f7b', workspace_admin: true, account_admin: true });
  }
  if (path.endsWith('/auth/logout')) {
    state.signedIn = false;
    return json({});
  }
  if (state.broken && method === 'GET') return refuse(500, 'INTERNAL_ERROR', 'An internal error occurred.');
  const list = (name: string, items: unknown[]) => json({ [name]: state.empty ? [] : items });
  const asked = { method, path, search: url.searchParams, body: request.postData(), empty: state.empty };
  const answer = clusters(state.clusters, asked) ?? policies(state.policies, asked) ?? objects(state.objects, asked) ?? account(state.account, asked) ?? compute(state.compute, asked);
  if (answer) return json(answer.body, answer.status);
  const one = /^\/api\/2\.0\/sql\/warehouses\/(\w+)\/(start|stop)$/.exec(path);
  if (one) {
    const target = state.warehouses.find(({ id }) => id === one[1]);
    if (target) target.state = one[2] === 'start' ? 'RUNNING' : 'STOPPED';
    return json({});
  }
  if (path === '/api/2.0/sql/warehouses') return method === 'POST' ? json({ id: 'ffff' }) : list('warehouses', state.warehouses);
  if (path === '/api/2.0/sql/history/queries') {
    const wanted = url.searchParams.get('filter_by.statement_ids');
    return list('res', wanted ? QUERIES.filter(({ query_id }) => query_id === wanted) : QUERIES);
  }
  if (path.startsWith('/api/2.0/biplane/queries/')) return json({ profile: PROFILE });
  if (path.startsWith('/api/2.0/sql/sessions')) return sessions(path, method, request.postData(), state, json);
  if (path.startsWith('/api/2.0/permissions/')) return objectPermissions(path, method, request.postData(), state, json);
  if (path.startsWith('/api/2.0/sql/statements')) return statements(path, method, request.postData(), state, json);
  if (path.startsWith('/api/2.1/unity-catalog')) return catalog(path, method, url, request.postData(), state, json);
  if (path.startsWith('/api/2.0/fs/directories')) return list('contents', state.files);
  if (path.startsWith('/api/2.0/fs/files')) {
    const name = path.split('/').at(-1) ?? '';
    if (method === 'PUT') state.files.push({ path: path.slice('/api/2.0/fs/files'.length), name, is_directory: false, file_size: 42, last_modified: NOW });
    if (method === 'DELETE') state.files = state.files.filter((file) => file.name !== name);
    return route.fulfill({ status: 204 });
  }
  if (path === '/api/2.0/token/list') {
    return list('token_infos', [{ token_id: 't1', comment: 'dbt on my laptop', creation_time: NOW, expiry_time: NOW + 90 * 86_400_000 }]);
  }
  if (path === '/api/2.0/token/create') {
    return json({ token_value: 'dapi-0123456789abcdef', token_info: { token_id: 't2', creation_time: NOW, expiry_time: -1 } });
  }
  if (path.endsWith('/Me')) return json({ id: '1', userName: 'admin@biplane.local' });
  if (path.endsWith('/Users')) {
    const people = [
      { id: '1', userName: 'admin@biplane.local', displayName: 'Ada Admin', active: true, groups: [{ value: '9', display: 'admins' }] },
      { id: '2', userName: 'ben@example.com', displayName: 'Ben', active: false },
    ];
    return json({ totalResults: 2, Resources: people });
  }
  if (path.endsWith('/Groups')) return json({ totalResults: 1, Resources: [{ id: '9', displayName: 'admins', members: [{ value: '1' }] }] });
  if (path.endsWith('/ServicePrincipals')) {
    return json({ totalResults: 1, Resources: [{ id: '5', applicationId: '2c1d7f5e-0000-4000-8000-000000000005', displayName: 'nightly' }] });
  }
  return refuse(404, 'ENDPOINT_NOT_FOUND', `No mock for ${method} ${path}`);
}

function sessions(path: string, method: string, body: string | null, state: MockState, json: Json): Promise<void> {
  const id = path.split('/')[5] ?? `session-${state.sessions.size + 1}`;
  if (method === 'POST') {
    const { catalog, schema } = JSON.parse(body ?? '{}') as { catalog?: string; schema?: string };
    state.sessions.set(id, { ...(catalog ? { catalog } : {}), ...(schema ? { schema } : {}) });
  }
  const session = state.sessions.get(id);
  if (method === 'DELETE') state.sessions.delete(id);
  return session ? json({ session_id: id, warehouse_id: 'a1b2c3d4e5f60718', created_at: NOW, last_used_at: NOW, ...session }) : json({}, 404);
}

function objectPermissions(path: string, method: string, body: string | null, state: MockState, json: Json): Promise<void> {
  if (path.endsWith('/permissionLevels')) {
    const levels = path.includes('/clusters/') ? ['CAN_ATTACH_TO', 'CAN_RESTART', 'CAN_MANAGE'] : ['CAN_VIEW', 'CAN_USE', 'CAN_MONITOR', 'CAN_MANAGE', 'IS_OWNER'];
    return json({ permission_levels: levels.map((permission_level) => ({ permission_level, description: `What ${permission_level} lets people do` })) });
  }
  if (method !== 'GET') {
    const { access_control_list } = JSON.parse(body ?? '{}') as { access_control_list: MockState['permissions'] };
    const same = (a: MockState['permissions'][number], b: MockState['permissions'][number]) =>
      a.group_name === b.group_name && a.user_name === b.user_name && a.service_principal_name === b.service_principal_name;
    const kept = method === 'PUT' ? [] : state.permissions.filter((old) => !access_control_list.some((now) => same(old, now)));
    state.permissions = [...kept, ...access_control_list];
  }
  const direct = state.permissions.map(({ permission_level, ...who }) => ({ ...who, all_permissions: [{ permission_level, inherited: false }] }));
  const inherited = { permission_level: 'CAN_MANAGE', inherited: true, inherited_from_object: ['/sql/warehouses/'] };
  return json({
    object_id: path.replace('/api/2.0/permissions', '/sql'),
    object_type: 'warehouses',
    access_control_list: [...direct, { group_name: 'admins', all_permissions: [inherited] }],
  });
}

type Json = (body: unknown, status?: number) => Promise<void>;

function statements(path: string, method: string, body: string | null, state: MockState, json: Json): Promise<void> {
  const chunk = /chunks\/(\d+)$/.exec(path);
  if (chunk) {
    const index = Number(chunk[1]);
    return json({ chunk_index: index, row_offset: index * CHUNK, data_array: rows(index * CHUNK, Math.min(CHUNK, ROWS - index * CHUNK)) });
  }
  if (path.endsWith('/cancel')) {
    state.cancelled = true;
    return json({});
  }
  if (method === 'POST') {
    const { statement: sql, ...sent } = JSON.parse(body ?? '{}') as { statement: string; session_id?: string };
    const session = sent.session_id ? state.sessions.get(sent.session_id) : undefined;
    if (sent.session_id && !session) {
      return json({ error_code: 'RESOURCE_DOES_NOT_EXIST', message: `Session ${sent.session_id} does not exist, or it has expired.` }, 404);
    }
    const use = /^use (\w+)\.(\w+)$/i.exec(sql);
    if (session && use) Object.assign(session, { catalog: use[1], schema: use[2] });
    state.requests.push(sent);
    state.statements.push(sql);
    state.cancelled = false;
    const id = `s-${state.statements.length}`;
    return json({ statement_id: id, status: { state: 'PENDING' } });
  }
  const id = path.split('/').at(-1) ?? '';
  const sql = state.statements[Number(id.slice(2)) - 1] ?? '';
  return json(statement(sql, id, state));
}

function catalog(path: string, method: string, url: URL, body: string | null, state: MockState, json: Json): Promise<void> {
  const parts = path.split('/').slice(4);
  const of = (name: string) => url.searchParams.get(name);
  const list = (name: string, items: unknown[]) => json({ [name]: state.empty ? [] : items });
  if (parts[0] === 'permissions') {
    if (method === 'PATCH') {
      const { changes } = JSON.parse(body ?? '{}') as { changes: { principal: string; add?: string[] }[] };
      for (const { principal, add } of changes) if (add) state.grants.push({ principal, privileges: add });
    }
    return list('privilege_assignments', state.grants);
  }
  if (parts[0] === 'effective-permissions') {
    return list('privilege_assignments', [
      { principal: 'account users', privileges: [{ privilege: 'USE_CATALOG', inherited_from_type: 'CATALOG', inherited_from_name: 'samples' }] },
    ]);
  }
  if (method === 'POST') return json(JSON.parse(body ?? '{}'));
  if (parts[0] === 'catalogs') {
    const all = [about('main', 'The default catalog'), about('samples', 'Data to try things with'), about('system')];
    return parts[1] ? json(all.find(({ name }) => name === parts[1])) : list('catalogs', all);
  }
  if (parts[0] === 'schemas') {
    if (parts[1]) return json({ ...about(parts[1]), catalog_name: parts[1].split('.')[0] });
    const names = of('catalog_name') === 'samples' ? ['tpch', 'information_schema'] : ['default', 'information_schema'];
    return list('schemas', names.map((name) => ({ ...about(name), catalog_name: of('catalog_name') })));
  }
  if (parts[0] === 'tables') {
    if (parts[1]) return json(TABLES.find(({ full_name }) => full_name === parts[1]) ?? { ...TABLES[3], full_name: parts[1] });
    return list('tables', of('schema_name') === 'tpch' ? TABLES : []);
  }
  if (parts[0] === 'volumes') {
    const volume = { ...about('landing', 'Files to load'), full_name: 'main.default.landing', catalog_name: 'main', schema_name: 'default', volume_type: 'MANAGED' };
    if (parts[1]) return json(volume);
    return list('volumes', of('schema_name') === 'default' ? [volume] : []);
  }
  return list('functions', []);
}
