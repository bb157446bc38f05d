import { beforeEach, expect, it, vi } from 'vitest';
import { keepRuns, keptRuns } from './kept-runs';
import type { Run, TabRuns } from './runs';
import { deleteSnippet, saveSnippet, useSnippets } from './snippets';
import { renderHook } from '@testing-library/react';

const run = (change: Partial<Run>): Run => ({
  id: 7, piece: { text: 'select 1', from: 0 }, warehouseId: 'w', context: {}, state: 'SUCCEEDED', startedAt: Date.now(), endedAt: Date.now(), ...change,
});

beforeEach(() => void vi.useFakeTimers());

it('keeps runs without their rows, as long as the server has them', () => {
  const controller = new AbortController();
  const runs: [string, TabRuns][] = [
    ['a', { controller, selected: 2, runs: [run({ statementId: 's1' }), run({ failure: new Error('x') }), run({ statementId: 's2', startedAt: Date.now() - 7_200_000 })] }],
    ['b', { controller, selected: 0, runs: [run({})] }],
  ];
  keepRuns(new Map(runs));
  vi.runAllTimers();
  const kept = keptRuns();
  expect([...kept.keys()]).toEqual(['a']);
  expect(kept.get('a')).toMatchObject({ selected: 0, runs: [{ statementId: 's1', kept: true, id: -1 }] });
});

it('keeps snippets by name', () => {
  const { result, rerender } = renderHook(useSnippets);
  saveSnippet('a', 'select 1');
  saveSnippet('b', 'select 2');
  saveSnippet('a', 'select 3');
  rerender();
  expect(result.current.map(({ name, sql }) => [name, sql])).toEqual([['a', 'select 3'], ['b', 'select 2']]);
  deleteSnippet(result.current[0]?.id ?? '');
  rerender();
  expect(result.current).toHaveLength(1);
});
