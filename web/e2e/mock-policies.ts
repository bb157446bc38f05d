/** The pretended server's cluster policies and instance pools. */
import type { InstancePool, InstancePoolSpec, Policy, PolicySpec } from '../src/api/types';
import type { Answer, Asked } from './mock-compute';

export interface PolicyMock {
  policies: Policy[];
  pools: InstancePool[];
  sent: { call: string; body: Record<string, unknown> }[];
}

const FAMILY = {
  policy_family_id: 'personal-vm',
  name: 'Personal Compute',
  description: 'Use with small-to-medium data.',
  definition: '{"num_workers":{"type":"fixed","value":0,"hidden":true}}',
};

const policy = (policy_id: string, name: string, rules: Record<string, unknown>, more: Partial<Policy> = {}): Policy => ({
  policy_id,
  name,
  description: `${name}, as admins want it`,
  definition: JSON.stringify(rules),
  created_at_timestamp: Date.now() - 86_400_000,
  is_default: false,
  creator_user_name: 'admin@biplane.local',
  ...more,
});

const pool = (instance_pool_id: string, spec: InstancePoolSpec): InstancePool => ({
  ...spec,
  instance_pool_id,
  state: 'ACTIVE',
  stats: { used_count: 1, idle_count: 2, pending_used_count: 0, pending_idle_count: 0 },
  status: { pending_instance_errors: [] },
  default_tags: { Vendor: 'Biplane', InstancePoolId: instance_pool_id },
});

export const policyState = (): PolicyMock => ({
  policies: [
    policy('A1B2C3D4E5F60718', 'Small clusters', {
      num_workers: { type: 'fixed', value: 2 },
      node_type_id: { type: 'allowlist', values: ['m5.large', 'm5.xlarge'], defaultValue: 'm5.xlarge' },
      data_security_mode: { type: 'fixed', value: 'USER_ISOLATION', hidden: true },
      autotermination_minutes: { type: 'range', minValue: 10, maxValue: 90, defaultValue: 30 },
      'custom_tags.team': { type: 'fixed', value: 'data' },
      'aws_attributes.availability': { type: 'forbidden' },
    }),
    policy('0123456789ABCDEF', 'Personal Compute', { num_workers: { type: 'fixed', value: 0, hidden: true } }, { is_default: true, policy_family_id: 'personal-vm' }),
  ],
  pools: [pool('0101-120000-hosts12-pool-abcdefgh', { instance_pool_name: 'Warm hosts', node_type_id: 'm5.large', min_idle_instances: 2, max_capacity: 8, idle_instance_autotermination_minutes: 60 })],
  sent: [],
});

/** Undefined: it is none of these. */
export function policies(state: PolicyMock, { method, path, body, empty }: Asked): Answer | undefined {
  if (path === '/api/2.0/policy-families') return { body: { policy_families: [FAMILY] } };
  const call = /^\/api\/2\.0\/(policies\/clusters|instance-pools)\/([\w-]+)$/.exec(path);
  const [, of, what = ''] = call ?? [];
  if (of === undefined) return undefined;
  const sent = JSON.parse(body ?? '{}') as Record<string, unknown>;
  if (method === 'POST') state.sent.push({ call: `${of}/${what}`, body: sent });
  if (of === 'instance-pools') {
    if (what === 'list') return { body: { instance_pools: empty ? [] : state.pools } };
    const id = '0202-120000-hosts34-pool-ijklmnop';
    if (what === 'create') state.pools.push(pool(id, sent as InstancePoolSpec));
    return { body: what === 'create' ? { instance_pool_id: id } : {} };
  }
  if (what === 'list') return { body: { policies: empty ? [] : state.policies, total_count: state.policies.length } };
  if (what === 'list-compliance') {
    return { body: { clusters: [{ cluster_id: '1122-150000-etl00001', is_compliant: false, violations: { autotermination_minutes: 'the value must be between 10 and 90 (is 120)' } }] } };
  }
  if (what === 'enforce-compliance') return { body: { has_changes: true, changes: [{ field: 'autotermination_minutes', previous_value: '120', new_value: '30' }] } };
  if (what === 'create') state.policies.push(policy('FFFFFFFFFFFFFFFF', String(sent['name']), JSON.parse((sent as PolicySpec).definition ?? '{}') as Record<string, unknown>));
  return { body: what === 'create' ? { policy_id: 'FFFFFFFFFFFFFFFF' } : {} };
}
