import { expect, it } from 'vitest';
import type { ClusterEvent } from '../../api/types';
import { changedFields, detailsOf, kindOf } from './events';
import { endingOf, nodeTypeText, runtimeText, sizeText } from './state';

const event = (type: string, details: Record<string, unknown>): ClusterEvent => ({ cluster_id: 'c', timestamp: 1, type, details });

it('tells events in words', () => {
  expect(detailsOf(event('CREATING', { user: 'ada', cluster_size: { num_workers: 2 } }))).toBe('2 workers, by ada');
  expect(detailsOf(event('RUNNING', { current_num_workers: 1, target_num_workers: 1 }))).toBe('1 worker');
  expect(detailsOf(event('EDITED', { user: 'ada', previous_attributes: { a: 1, b: 2 }, attributes: { a: 1, c: 3 } }))).toBe('b, c, by ada');
  expect(
    detailsOf(event('TERMINATING', { reason: { code: 'AWS_AUTHORIZATION_FAILURE', type: 'CLIENT_ERROR', parameters: { aws_error_message: 'sts says no' } } })),
  ).toBe('AWS refused: the role of the workspace may not do this: sts says no');
  expect(kindOf('SOMETHING_NEW').label).toBe('Something new');
  expect(changedFields(undefined, {})).toEqual([]);
});

it('tells sizes, types and ends', () => {
  expect(sizeText({ num_workers: 0 })).toBe('Single node');
  expect(sizeText({ autoscale: { min_workers: 1, max_workers: 8 } })).toBe('1 to 8 workers');
  expect(runtimeText('17.3.x-scala2.13')).toBe('17.3');
  expect(runtimeText('17.3.x-scala2.13', '17.3 LTS (Biplane, with …)')).toBe('17.3 LTS');
  expect(nodeTypeText({ node_type_id: 'm5.large', memory_mb: 8192, num_cores: 2, num_gpus: 0 } as never)).toBe('m5.large · 8 GiB memory · 2 cores');
  expect(endingOf({ code: 'INACTIVITY', type: 'SUCCESS', parameters: { inactivity_duration_min: '30' } })).toEqual({
    title: 'Ended after 30 minutes without use',
    text: '',
    failed: false,
  });
});
