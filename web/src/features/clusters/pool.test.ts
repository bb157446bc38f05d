import { expect, it } from 'vitest';
import type { InstancePool } from '../../api/types';
import { draftOf, ofPool, problemsOf, specOf } from './draft';
import { newPool, poolDraft, poolProblems, poolSpec, usageText } from './pool';

const stats = { used_count: 1, idle_count: 2, pending_idle_count: 1, pending_used_count: 0 };

it('makes pools of what the form says', () => {
  const draft = { ...newPool('small'), name: ' warm ', least: '2', most: '5', tags: [{ key: 'team', value: 'data' }, { key: '', value: 'x' }] };
  expect(poolProblems(draft)).toEqual({});
  const spec = { instance_pool_name: 'warm', node_type_id: 'small', min_idle_instances: 2, max_capacity: 5, idle_instance_autotermination_minutes: 60, custom_tags: { team: 'data' } };
  expect(poolSpec(draft, false, false)).toEqual(spec);
  expect(poolSpec(draft, true, false).aws_attributes).toEqual({ availability: 'ON_DEMAND' });
  expect(poolSpec(draft, true, true)).toEqual(spec);
  const again = poolDraft({ ...spec, instance_pool_id: 'a', state: 'ACTIVE', stats, status: { pending_instance_errors: [] }, default_tags: {} } as InstancePool);
  expect(poolSpec(again, false, true)).toEqual(spec);
});

it('tells what is wrong', () => {
  expect(poolProblems({ ...newPool(''), least: 'x', most: '0', minutes: '-1' })).toEqual({
    name: expect.any(String),
    nodeType: expect.any(String),
    least: expect.any(String),
    most: expect.any(String),
    minutes: expect.any(String),
  });
  expect(poolProblems({ ...newPool('small'), name: 'a', least: '3', most: '2' }).most).toMatch(/idle/);
});

it('tells how a pool is used', () => {
  expect(usageText({ stats, max_capacity: 5 })).toBe('1 in use, 2 idle, 1 on the way of 5 hosts');
  expect(usageText({ stats: { ...stats, pending_idle_count: 0 } })).toBe('1 in use, 2 idle');
});

it('lets a cluster of a pool say nothing of its hosts', () => {
  const draft = draftOf({ spark_version: '17.3.x-scala2.13', num_workers: 2, instance_pool_id: 'p', aws_attributes: { zone_id: 'a' } }, 'ada');
  expect(ofPool(draft)).toBe(true);
  expect(problemsOf(draft, true)).toEqual({});
  const spec = specOf(draft, true);
  expect([spec.instance_pool_id, spec.node_type_id, spec.driver_node_type_id, spec.aws_attributes]).toEqual(['p', undefined, undefined, undefined]);
});
