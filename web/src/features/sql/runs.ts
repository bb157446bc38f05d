/** What runs, and what ran, in each tab. Lives outside the page: leaving the editor stops nothing. */
import type { StatementParameter, StatementState } from '../../api/types';
import { createStore, useStore } from '../../lib/store';
import type { SqlError } from '../../lib/sql-error';
import type { ResultSet } from '../../results/ResultSet';
import { keepRuns, keptRuns } from './kept-runs';
import type { SessionNote } from './sessions';

export interface Piece {
  text: string;
  /** Where the text stands in the tab's script. */
  from: number;
}

export interface Run {
  id: number;
  piece: Piece;
  warehouseId: string;
  context: { catalog?: string; schema?: string };
  sessionId?: string;
  parameters?: StatementParameter[];
  state: 'WAITING' | StatementState;
  statementId?: string;
  /** How much of what is to be read was read, 0 to 1, where the engine can tell. */
  fraction?: number;
  startedAt: number;
  endedAt?: number;
  result?: ResultSet;
  error?: SqlError;
  /** The request itself failed: no statement, or no answer about it. */
  failure?: unknown;
  note?: SessionNote;
  /** From before a reload; what it answered is asked for when somebody looks. */
  kept?: boolean;
}

export interface TabRuns {
  runs: Run[];
  selected: number;
  controller: AbortController;
}

const store = createStore<ReadonlyMap<string, TabRuns>>(restored(), keepRuns);
let nextRun = 1;

function restored(): ReadonlyMap<string, TabRuns> {
  return new Map([...keptRuns()].map(([id, kept]) => [id, { ...kept, controller: new AbortController() }]));
}

export const newRunId = (): number => nextRun++;

export const useRuns = (tabId: string): TabRuns | undefined => useStore(store).get(tabId);
export const useAllRuns = (): ReadonlyMap<string, TabRuns> => useStore(store);

export function isRunning(runs: TabRuns | undefined): boolean {
  return runs?.runs.some(isActive) ?? false;
}

export function isActive(run: Run): boolean {
  return run.endedAt === undefined;
}

export function selectRun(tabId: string, index: number): void {
  updateRuns(tabId, (runs) => ({ ...runs, selected: index }));
}

export function cancelRuns(tabId: string): void {
  store.get().get(tabId)?.controller.abort();
}

export function setRuns(tabId: string, runs: TabRuns): void {
  store.set((all) => new Map(all).set(tabId, runs));
}

export function forgetRuns(tabId: string): void {
  cancelRuns(tabId);
  store.set((all) => {
    const next = new Map(all);
    next.delete(tabId);
    return next;
  });
}

export function updateRuns(tabId: string, change: (runs: TabRuns) => TabRuns): void {
  store.set((all) => {
    const runs = all.get(tabId);
    return runs ? new Map(all).set(tabId, change(runs)) : all;
  });
}

export function patchRun(tabId: string, id: number, change: Partial<Run>): void {
  updateRuns(tabId, (runs) => ({
    ...runs,
    runs: runs.runs.map((run) => (run.id === id ? { ...run, ...change } : run)),
  }));
}
