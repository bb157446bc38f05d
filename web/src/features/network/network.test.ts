import { expect, it } from 'vitest';
import type { OutboundAccess } from '../../api/types';
import { groupsOf } from './accesses';
import { accessOf, draftOf, hintOf, hostProblem, idProblem, linesOf, policyOf, wildcardOf, withRule } from './policy';

const access = (change: Partial<OutboundAccess>): OutboundAccess => ({
  event_id: 'e',
  event_time: 1000,
  outcome: 'DENIED',
  destination_type: 'DNS',
  destination: 'files.example.org',
  port: 443,
  reason_code: 'not-in-policy',
  reason: "not in the workspace's network policy",
  suppressed: 0,
  sandbox_id: 's',
  ...change,
});

it('makes of a form what it was made of', () => {
  const draft = {
    id: 'lab',
    restricted: true,
    internet: 'pypi.org\n*.example.com',
    blocked: 'bad.example.com',
    buckets: [
      { name: 'one', region: '' },
      { name: 'two', region: 'eu-west-1' },
    ],
    dryRun: true,
    products: ['DBSQL'],
  };
  expect(draftOf(policyOf(draft))).toEqual(draft);
  expect(accessOf(policyOf({ ...draft, dryRun: false })).policy_enforcement).toEqual({ enforcement_mode: 'ENFORCED' });
  expect(draftOf(null)).toMatchObject({ restricted: true, dryRun: false, internet: '' });
});

it('checks what people write', () => {
  expect(linesOf(' PyPI.org, a.b \n\n pypi.org')).toEqual(['pypi.org', 'a.b']);
  expect(hostProblem('pypi.org\n*.example.com')).toBeUndefined();
  for (const bad of ['localhost', 'https://a.b', '*.', '10.0.0.1', 'a..b', '*x.org']) expect(hostProblem(bad)).toMatch('is not a destination');
  expect(idProblem('a b')).toBeDefined();
  expect(idProblem('a-b_1')).toBeUndefined();
});

it('knows which rule would let something through', () => {
  const hint = hintOf(access({}));
  expect(hint).toMatchObject({ rule: 'internet', value: 'files.example.org' });
  const policy = withRule(policyOf({ ...draftOf(null), id: 'x', internet: 'pypi.org' }), hint, '*.example.org');
  expect(draftOf(policy).internet).toBe('pypi.org\n*.example.org');
  const bucket = hintOf(access({ destination_type: 'STORAGE', destination: 's3://b', reason_code: 'storage-bucket-denied' }));
  expect(bucket).toMatchObject({ rule: 'storage', value: 'b' });
  expect(draftOf(withRule(policyOf(draftOf(null)), bucket, 'b')).buckets).toEqual([{ name: 'b', region: '' }]);
  expect(hintOf(access({ reason_code: 'port-denied' }))).toMatchObject({ rule: null, text: expect.stringContaining('443') });
  // Kept before there were codes.
  expect(hintOf(access({ reason_code: '' })).rule).toBe('internet');
  expect(hintOf(access({ reason_code: 'new' })).rule).toBeNull();
  expect(wildcardOf('a.b.example.org')).toBe('*.b.example.org');
  expect(wildcardOf('example.org')).toBeUndefined();
});

it('counts attempts of the same kind together', () => {
  const groups = groupsOf([
    access({ event_time: 30, suppressed: 4, warehouse_id: 'w' }),
    access({ event_time: 20, outcome: 'DRY_RUN' }),
    access({ event_time: 10, port: 80 }),
  ]);
  expect(groups).toHaveLength(2);
  expect(groups[0]).toMatchObject({ count: 6, first: 10, ports: [443, 80], warehouses: ['w'], code: true });
});
