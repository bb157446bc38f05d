import { expect, it } from 'vitest';
import type { NodeType } from '../../api/types';
import { filterClusters } from './filter';
import { draftOf, isAws, newDraft, pairsOf, parseSpec, problemsOf, specOf } from './draft';

const type = (node_type_id: string, memory_mb: number) => ({ node_type_id, memory_mb, num_cores: 1, num_gpus: 0, category: 'General Purpose' }) as NodeType;
const offer = { runtimes: [{ key: '17.3.x-scala2.13', name: '17.3 LTS (…)' }], nodeTypes: [type('m5.xlarge', 16_384), type('m5.large', 8192)], zones: ['a'] };

it('starts with something that can be made', () => {
  const draft = newDraft(offer, 'ada');
  expect(problemsOf(draft, true)).toEqual({});
  expect(specOf(draft, false)).toEqual({
    cluster_name: '',
    spark_version: '17.3.x-scala2.13',
    data_security_mode: 'SINGLE_USER',
    single_user_name: 'ada',
    node_type_id: 'm5.large',
    num_workers: 0,
    is_single_node: true,
    autotermination_minutes: 60,
  });
  expect(isAws(offer.nodeTypes)).toBe(true);
  expect(isAws([type('local.small', 1)])).toBe(false);
});

it('keeps what the form does not know, and says the rest as it was', () => {
  const spec = {
    cluster_name: 'etl',
    spark_version: '16.4.x-scala2.12',
    data_security_mode: 'USER_ISOLATION',
    node_type_id: 'm5.large',
    driver_node_type_id: 'm5.xlarge',
    autoscale: { min_workers: 2, max_workers: 8 },
    autotermination_minutes: 30,
    custom_tags: { team: 'data' },
    spark_conf: { 'spark.sql.shuffle.partitions': '8' },
    spark_env_vars: { A: 'b = c' },
    enable_elastic_disk: true,
    aws_attributes: { availability: 'SPOT_WITH_FALLBACK', zone_id: 'eu-west-1a', first_on_demand: 1, ebs_volume_size: 100, ebs_volume_count: 1, instance_profile_arn: 'arn:x' },
  };
  expect(specOf(draftOf(spec, 'ada'), true)).toEqual(spec);
});

it('finds what cannot be', () => {
  const draft = newDraft(offer, 'ada');
  expect(problemsOf({ ...draft, minutes: '5' }, false)).toHaveProperty('minutes');
  expect(problemsOf({ ...draft, sizing: 'autoscale', min: '5', max: '2' }, false)).toHaveProperty('range');
  expect(problemsOf({ ...draft, sizing: 'fixed', workers: '0' }, false)).toHaveProperty('workers');
  expect(problemsOf({ ...draft, environment: '1A=b' }, false).environment).toBe('1A is no name of a variable.');
  expect(problemsOf({ ...draft, conf: 'spark.x 1\n\nspark.y' }, false).conf).toBe('Line 3 has no value.');
  expect(pairsOf('# a note\nspark.a  b c', /[\s=]+/).pairs).toEqual({ 'spark.a': 'b c' });
  expect(parseSpec('[]')).toHaveProperty('problem');
  expect(parseSpec('{')).toHaveProperty('problem');
  expect(parseSpec('{"num_workers": 1}')).toEqual({ spec: { num_workers: 1 } });
});

it('filters by word, maker, state and pin', () => {
  const one = (cluster_name: string, state: string, change = {}) => ({ cluster_id: cluster_name, cluster_name, state, creator_user_name: 'ada', pinned: false, ...change }) as never;
  const list = [one('etl', 'RUNNING', { custom_tags: { team: 'data' } }), one('lab', 'TERMINATED', { pinned: true }), one('ben', 'ERROR', { creator_user_name: 'ben' })];
  const names = (text: string, shown: Parameters<typeof filterClusters>[1]['shown']) => filterClusters(list, { text, shown, me: 'ada' }).map(({ cluster_name }) => cluster_name);
  expect(names('', 'mine')).toEqual(['etl', 'lab']);
  expect(names('', 'active')).toEqual(['etl']);
  expect(names('', 'pinned')).toEqual(['lab']);
  expect(names('team:data', 'all')).toEqual(['etl']);
  expect(names('etl ben', 'all')).toEqual([]);
});
