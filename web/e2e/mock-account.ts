/** The pretended server's account: workspaces in each state, what they are made of, and people. */
import type { CloudNetwork, Credentials, ManagedKey, PrivateAccess, StorageConfiguration, VpcEndpoint, WorkspaceInfo } from '../src/api/types';
import type { Answer, Asked } from './mock-compute';

interface Person {
  id: string;
  userName?: string;
  displayName?: string;
  applicationId?: string;
  active?: boolean;
  roles?: { value: string }[];
  members?: { value: string }[];
}

export interface AccountMock {
  workspaces: WorkspaceInfo[];
  credentials: Credentials[];
  'storage-configurations': StorageConfiguration[];
  networks: CloudNetwork[];
  'customer-managed-keys': ManagedKey[];
  'vpc-endpoints': VpcEndpoint[];
  'private-access-settings': PrivateAccess[];
  assigned: { id: string; level: string }[];
  people: Record<'Users' | 'Groups' | 'ServicePrincipals', Person[]>;
  metastore: string;
  sent: { method: string; path: string; body: Record<string, unknown> }[];
}

const at = Date.UTC(2026, 10, 20, 9, 0, 0);

function workspace(workspace_id: number, workspace_name: string, change: Partial<WorkspaceInfo> = {}): WorkspaceInfo {
  return {
    account_id: '3f7b',
    workspace_id,
    workspace_name,
    deployment_name: `ws-${workspace_id}`,
    aws_region: 'eu-west-1',
    cloud: 'aws',
    pricing_tier: 'ENTERPRISE',
    compute_mode: 'SERVERLESS',
    storage_mode: 'DEFAULT_STORAGE',
    custom_tags: {},
    workspace_status: 'RUNNING',
    workspace_status_message: 'Workspace is running.',
    is_no_public_ip_enabled: true,
    creation_time: at,
    ...change,
  };
}

export const NO_ROUTE = 'subnet-0b2 sends 0.0.0.0/0 to an internet gateway; hosts must not be reachable. Route it to a NAT gateway.';

export function accountState(): AccountMock {
  return {
    sent: [],
    metastore: 'ms-1',
    workspaces: [
      workspace(1, 'main', { network_connectivity_config_id: 'ncc-1' }),
      workspace(2, 'lab', {
        compute_mode: 'HYBRID',
        credentials_id: 'c1',
        storage_configuration_id: 's1',
        network_id: 'n1',
        workspace_status: 'FAILED',
        workspace_status_message: NO_ROUTE,
      }),
    ],
    credentials: [{ credentials_id: 'c1', credentials_name: 'production', aws_credentials: { sts_role: { role_arn: 'arn:aws:iam::123456789012:role/biplane', external_id: '3f7b' } } }],
    'storage-configurations': [{ storage_configuration_id: 's1', storage_configuration_name: 'root', root_bucket_info: { bucket_name: 'acme-biplane-root' } }],
    networks: [
      {
        network_id: 'n1',
        network_name: 'lab-network',
        vpc_id: 'vpc-0a1',
        subnet_ids: ['subnet-0a1', 'subnet-0b2'],
        security_group_ids: ['sg-0c3'],
        vpc_status: 'BROKEN',
        workspace_id: 2,
        error_messages: [{ error_type: 'subnet', error_message: NO_ROUTE }],
        warning_messages: [{ warning_type: 'securityGroup', warning_message: 'sg-0c3 lets everybody in.' }],
      },
      { network_id: 'n2', network_name: 'spare', vpc_id: 'vpc-0d4', subnet_ids: ['subnet-0e5', 'subnet-0f6'], security_group_ids: ['sg-0a7'], vpc_status: 'UNATTACHED' },
    ],
    'customer-managed-keys': [
      { customer_managed_key_id: 'k1', use_cases: ['STORAGE'], aws_key_info: { key_arn: 'arn:aws:kms:eu-west-1:123456789012:key/11', key_alias: 'alias/disks', reuse_key_for_cluster_volumes: true } },
    ],
    'vpc-endpoints': [
      { vpc_endpoint_id: 'e1', vpc_endpoint_name: 'office', region: 'eu-west-1', aws_vpc_endpoint_id: 'vpce-01', state: 'available' },
      { vpc_endpoint_id: 'e2', vpc_endpoint_name: 'factory', region: 'eu-west-1', aws_vpc_endpoint_id: 'vpce-02', state: 'pendingAcceptance' },
    ],
    'private-access-settings': [
      { private_access_settings_id: 'p1', private_access_settings_name: 'inside only', region: 'eu-west-1', public_access_enabled: false, private_access_level: 'ENDPOINT', allowed_vpc_endpoint_ids: ['e1'] },
    ],
    assigned: [{ id: '1', level: 'ADMIN' }],
    people: {
      Users: [
        { id: '1', userName: 'admin@biplane.local', displayName: 'Ada Admin', active: true, roles: [{ value: 'account_admin' }] },
        { id: '2', userName: 'ben@example.com', displayName: 'Ben', active: true },
      ],
      Groups: [{ id: '7', displayName: 'data scientists', members: [{ value: '2' }] }],
      ServicePrincipals: [{ id: '5', applicationId: '2c1d7f5e-0000-4000-8000-000000000005', displayName: 'nightly' }],
    },
  };
}

const IDS = {
  credentials: 'credentials_id',
  'storage-configurations': 'storage_configuration_id',
  networks: 'network_id',
  'customer-managed-keys': 'customer_managed_key_id',
  'vpc-endpoints': 'vpc_endpoint_id',
  'private-access-settings': 'private_access_settings_id',
} as const;
type Kind = keyof typeof IDS;

/** Undefined: it is none of these. */
export function account(state: AccountMock, { method, path, body, empty }: Asked): Answer | undefined {
  const rest = /^\/api\/2\.0\/accounts\/3f7b\/(.+)$/.exec(path)?.[1];
  if (rest === undefined) return undefined;
  const [kind = '', id, sub, , who] = rest.split('/');
  const sent = JSON.parse(body ?? '{}') as Record<string, unknown>;
  const known = kind === 'scim' || kind === 'metastores' || kind in IDS || (kind === 'workspaces' && sub !== 'network');
  if (!known) return undefined;
  if (method !== 'GET') state.sent.push({ method, path: rest, body: sent });
  if (kind === 'metastores') return { body: { metastores: [{ metastore_id: 'ms-1', name: 'primary', region: 'eu-west-1' }, { metastore_id: 'ms-2', name: 'second', region: 'eu-west-1' }] } };
  if (kind === 'scim') return people(state, rest.split('/').slice(2), method, sent);
  if (kind === 'workspaces') return workspaces(state, { method, id, sub, who, sent, empty });
  return resources(state, kind as Kind, { method, id, sent, empty });
}

function resources(state: AccountMock, kind: Kind, { method, id, sent, empty }: { method: string; id: string | undefined; sent: Record<string, unknown>; empty: boolean }): Answer {
  const list = state[kind] as unknown as Record<string, unknown>[];
  const at = list.findIndex((one) => one[IDS[kind]] === id);
  if (method === 'POST') list.push({ [IDS[kind]]: `new-${kind}`, ...sent });
  if (method === 'PUT') Object.assign(list[at] ?? {}, sent);
  if (method === 'DELETE') list.splice(at, 1);
  return { body: id === undefined && method === 'GET' ? (empty ? [] : list) : {} };
}

interface WorkspaceAsked {
  method: string;
  id: string | undefined;
  sub: string | undefined;
  who: string | undefined;
  sent: Record<string, unknown>;
  empty: boolean;
}

function workspaces(state: AccountMock, { method, id, sub, who, sent, empty }: WorkspaceAsked): Answer | undefined {
  const found = state.workspaces.find(({ workspace_id }) => String(workspace_id) === id);
  if (sub === 'metastore') return { body: { metastore_assignment: { metastore_id: state.metastore, workspace_id: Number(id) } } };
  if (sub === 'metastores') {
    state.metastore = String((sent['metastore_assignment'] as { metastore_id: string }).metastore_id);
    return { body: {} };
  }
  if (sub === 'permissionassignments') {
    if (method !== 'GET') state.assigned = state.assigned.filter((one) => one.id !== who);
    if (method === 'PUT' && who) state.assigned.push({ id: who, level: (sent['permissions'] as string[])[0] ?? 'USER' });
    return { body: { permission_assignments: state.assigned.map(({ id: principal, level }) => assignment(state, principal, level)) } };
  }
  if (method === 'POST') {
    const made = workspace(9, String(sent['workspace_name']), { ...(sent as Partial<WorkspaceInfo>), workspace_status: 'PROVISIONING', workspace_status_message: 'Workspace is being made.' });
    state.workspaces.push(made);
    return { body: made };
  }
  if (method === 'PATCH' && found) Object.assign(found, sent, found.workspace_status === 'FAILED' ? { workspace_status: 'PROVISIONING', workspace_status_message: 'Workspace is being updated.' } : {});
  if (method === 'DELETE') state.workspaces = state.workspaces.filter((one) => one !== found);
  return { body: id === undefined ? (empty ? [] : state.workspaces) : (found ?? {}) };
}

function assignment(state: AccountMock, id: string, level: string): unknown {
  const user = state.people.Users.find((one) => one.id === id);
  const group = state.people.Groups.find((one) => one.id === id);
  return {
    permissions: [level],
    principal: { principal_id: Number(id), display_name: user?.displayName ?? group?.displayName ?? id, ...(user ? { user_name: user.userName } : { group_name: group?.displayName ?? id }) },
  };
}

function people(state: AccountMock, [kind = '', id]: string[], method: string, sent: Record<string, unknown>): Answer {
  const list = state.people[kind as keyof AccountMock['people']] ?? [];
  const found = list.find((one) => one.id === id);
  if (method === 'POST') list.push({ id: '88', ...sent });
  if (method === 'DELETE') state.people[kind as keyof AccountMock['people']] = list.filter((one) => one !== found);
  for (const { path, value } of (sent['Operations'] as { path: string; value: unknown }[] | undefined) ?? []) {
    if (found && (path === 'roles' || path === 'active')) Object.assign(found, { [path]: value });
  }
  return { body: { totalResults: list.length, Resources: list } };
}
