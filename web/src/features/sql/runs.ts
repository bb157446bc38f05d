/** What runs, and what ran, in each tab. Lives outside the page: leaving the editor stops nothing. */
import { queryClient } from '../../app/query-client';
import { isFinal, runStatement } from '../../api/statements';
import type { StatementResponse, StatementState } from '../../api/types';
import { createStore, useStore } from '../../lib/store';
import { parseSqlError, type SqlError } from '../../lib/sql-error';
import { stripComments, targetOfUse } from '../../lib/sql';
import { ResultSet } from '../../results/ResultSet';
import { changeTab, setContext, tabsNow, type SqlTab } from './tabs';

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
  state: 'WAITING' | StatementState;
  statementId?: string;
  startedAt: number;
  endedAt?: number;
  result?: ResultSet;
  error?: SqlError;
  /** The request itself failed: no statement, or no answer about it. */
  failure?: unknown;
}

export interface TabRuns {
  runs: Run[];
  selected: number;
  controller: AbortController;
}

/** Above this the server cuts the result and says so; the whole is there as a CSV file. */
const VIEW_BYTES_MAX = 20 * 1024 * 1024;
const DDL = /^(create|drop|alter|comment|undrop|truncate|replace|copy|refresh)\b/i;

const store = createStore<ReadonlyMap<string, TabRuns>>(new Map());
let nextRun = 1;

export const useRuns = (tabId: string): TabRuns | undefined => useStore(store).get(tabId);
export const useAllRuns = (): ReadonlyMap<string, TabRuns> => useStore(store);

export function isRunning(runs: TabRuns | undefined): boolean {
  return runs?.runs.some(isActive) ?? false;
}

export function isActive(run: Run): boolean {
  return run.endedAt === undefined;
}

export function selectRun(tabId: string, index: number): void {
  update(tabId, (runs) => ({ ...runs, selected: index }));
}

export function cancelRuns(tabId: string): void {
  store.get().get(tabId)?.controller.abort();
}

export function forgetRuns(tabId: string): void {
  cancelRuns(tabId);
  store.set((all) => {
    const next = new Map(all);
    next.delete(tabId);
    return next;
  });
}

function update(tabId: string, change: (runs: TabRuns) => TabRuns): void {
  store.set((all) => {
    const runs = all.get(tabId);
    return runs ? new Map(all).set(tabId, change(runs)) : all;
  });
}

function patchRun(tabId: string, id: number, change: Partial<Run>): void {
  update(tabId, (runs) => ({
    ...runs,
    runs: runs.runs.map((run) => (run.id === id ? { ...run, ...change } : run)),
  }));
}

/** Runs the pieces one after the other; the first that fails stops the rest. */
export async function runPieces(tab: SqlTab, warehouseId: string, pieces: readonly Piece[], rowLimit: number): Promise<void> {
  cancelRuns(tab.id);
  const controller = new AbortController();
  const runs = pieces.map(
    (piece): Run => ({
      id: nextRun++,
      piece,
      warehouseId,
      context: {},
      state: 'WAITING',
      startedAt: Date.now(),
    }),
  );
  store.set((all) => new Map(all).set(tab.id, { runs, selected: 0, controller }));
  for (const [index, run] of runs.entries()) {
    update(tab.id, (now) => (now.controller === controller ? { ...now, selected: index } : now));
    const succeeded = await runOne(tab.id, run, rowLimit, controller.signal);
    if (succeeded) continue;
    const now = Date.now();
    for (const rest of runs.slice(index + 1)) patchRun(tab.id, rest.id, { state: 'CANCELED', startedAt: now, endedAt: now });
    return;
  }
}

async function runOne(tabId: string, run: Run, rowLimit: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) {
    patchRun(tabId, run.id, { state: 'CANCELED', endedAt: Date.now() });
    return false;
  }
  // Read now: a USE before this statement may have moved the tab.
  const tab = tabsNow().tabs.find(({ id }) => id === tabId);
  const context = {
    ...(tab?.catalog ? { catalog: tab.catalog } : {}),
    ...(tab?.schema ? { schema: tab.schema } : {}),
  };
  patchRun(tabId, run.id, { startedAt: Date.now(), state: 'PENDING', context });
  const limit = rowLimit > 0 ? { row_limit: rowLimit } : {};
  try {
    const response = await runStatement(
      {
        statement: run.piece.text,
        warehouse_id: run.warehouseId,
        ...context,
        ...limit,
        byte_limit: VIEW_BYTES_MAX,
        disposition: 'INLINE',
        format: 'JSON_ARRAY',
      },
      {
        signal,
        onUpdate: (now) => {
          const { state } = now.status;
          if (!isFinal(state)) patchRun(tabId, run.id, { statementId: now.statement_id, state });
        },
      },
    );
    patchRun(tabId, run.id, outcome(run, response));
    if (response.status.state !== 'SUCCEEDED') return false;
    afterSuccess(tabId, run.piece.text);
    return true;
  } catch (failure) {
    patchRun(tabId, run.id, { state: 'FAILED', endedAt: Date.now(), failure });
    return false;
  }
}

function outcome(run: Run, response: StatementResponse): Partial<Run> {
  const { status } = response;
  const end = { statementId: response.statement_id, state: status.state, endedAt: Date.now() };
  if (status.state === 'SUCCEEDED') return { ...end, result: new ResultSet(response) };
  if (!status.error?.message) return end;
  return { ...end, error: parseSqlError(status.error.message, run.piece.text, status.sql_state) };
}

function afterSuccess(tabId: string, sql: string): void {
  const target = targetOfUse(sql);
  const tab = tabsNow().tabs.find(({ id }) => id === tabId);
  if (target && tab) setContext(tabId, target.catalog ?? tab.catalog ?? '', target.schema ?? '');
  if (tab) nameTabAfter(tab, sql);
  if (DDL.test(stripComments(sql))) void queryClient.invalidateQueries({ queryKey: ['uc'] });
}

/** Gives an untouched tab a name people recognise. */
function nameTabAfter(tab: SqlTab, sql: string): void {
  if (!/^Query \d+$/.test(tab.title)) return;
  const table = /\b(?:from|into|table|view|update)\s+([\w.`]+)(?![\w.`]*\s*\()/i.exec(stripComments(sql))?.[1];
  const name = table?.replaceAll('`', '').split('.').at(-1);
  if (name && !/^(if|read_files|values|select)$/i.test(name)) changeTab(tab.id, { title: name });
}
