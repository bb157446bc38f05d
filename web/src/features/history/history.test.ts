import { expect, it } from 'vitest';
import { filterPath, readFilters, toRequest } from './filters';
import { planRows } from './plan';
import { phasesOf } from './Timings';

it('keeps the filters in the address', () => {
  const filters = { status: 'FAILED', user: '7', warehouse: '', period: '24h' };
  expect(filterPath(filters)).toBe('/history?status=FAILED&user=7&period=24h');
  expect(readFilters(new URLSearchParams(filterPath(filters).split('?')[1]))).toEqual(filters);
  expect(readFilters(new URLSearchParams('period=forever')).period).toBe('7d');
});

it('asks for every state that is running', () => {
  const request = toRequest({ status: 'RUNNING', user: '', warehouse: 'w', period: '1h' }, 10_000_000);
  expect(request.statuses).toContain('COMPILING');
  expect(request).toMatchObject({ warehouseIds: ['w'], startMs: 6_400_000 });
  expect(toRequest({ status: 'nonsense', user: '', warehouse: '', period: '1h' }, 0).statuses).toBeUndefined();
});

it('lays a plan out as rows, and hides what is closed', () => {
  const root = { name: 'a', elapsed_ms: 5, children: [{ name: 'b', elapsed_ms: 10, children: [{ name: 'c' }] }, { name: 'd' }] };
  expect(planRows(root, new Set()).map(({ node, depth, share }) => [node.name, depth, share])).toEqual([
    ['a', 0, 0.5], ['b', 1, 1], ['c', 2, 0], ['d', 1, 0],
  ]);
  expect(planRows(root, new Set(['0.0'])).map(({ node }) => node.name)).toEqual(['a', 'b', 'd']);
});

it('counts what is left of the total as the rest', () => {
  const { total, phases } = phasesOf({ metrics: { total_time_ms: 100, compilation_time_ms: 10, execution_time_ms: 60 } });
  expect(total).toBe(100);
  expect(phases.at(-1)).toMatchObject({ name: 'Anything else', ms: 30 });
});
