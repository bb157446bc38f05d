/** Runs statements of a tab in its session, one after the other, and picks up those of before a reload. */
import { queryClient } from '../../app/query-client';
import { warehousesQuery } from '../../app/data';
import { isSessionLost } from '../../api/sql-sessions';
import { followStatement, getStatement, isFinal, runStatement } from '../../api/statements';
import { ApiError } from '../../api/http';
import type { StatementRequest, StatementResponse } from '../../api/types';
import { parseSqlError } from '../../lib/sql-error';
import { stripComments } from '../../lib/sql';
import { ResultSet } from '../../results/ResultSet';
import { bindParams } from './params';
import { cancelRuns, isActive, newRunId, patchRun, setRuns, updateRuns, type Piece, type Run } from './runs';
import { ensureSession, followSession, renewSession, type OpenSession } from './sessions';
import { changeTab, findTab, type SqlTab } from './tabs';

/** Above this the server cuts the result and says so; the whole is there as a CSV file. */
const VIEW_BYTES_MAX = 20 * 1024 * 1024;
/** A submitted statement has reached its warehouse by then. */
const STARTS_MS = 300;
const DDL = /^(create|drop|alter|comment|undrop|truncate|replace|copy|refresh)\b/i;
const MOVES = /^(use|set\s+(catalog|schema))\b/i;

/** The first that fails stops the rest. */
export async function runPieces(tab: SqlTab, warehouseId: string, pieces: readonly Piece[], rowLimit: number): Promise<void> {
  cancelRuns(tab.id);
  const controller = new AbortController();
  const runs = pieces.map(
    (piece): Run => ({ id: newRunId(), piece, warehouseId, context: {}, state: 'WAITING', startedAt: Date.now() }),
  );
  setRuns(tab.id, { runs, selected: 0, controller });
  for (const [index, run] of runs.entries()) {
    updateRuns(tab.id, (now) => (now.controller === controller ? { ...now, selected: index } : now));
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
  const tab = findTab(tabId);
  const { text } = run.piece;
  const context = { ...(tab?.catalog ? { catalog: tab.catalog } : {}), ...(tab?.schema ? { schema: tab.schema } : {}) };
  const parameters = bindParams(text, tab?.params ?? {});
  const bound = parameters.length > 0 ? { parameters } : {};
  patchRun(tabId, run.id, { startedAt: Date.now(), state: 'PENDING', context, ...bound });
  const request = {
    statement: text,
    ...bound,
    ...(rowLimit > 0 ? { row_limit: rowLimit } : {}),
    byte_limit: VIEW_BYTES_MAX,
    disposition: 'INLINE',
    format: 'JSON_ARRAY',
  };
  try {
    const response = await inSession(tabId, run, request, signal);
    patchRun(tabId, run.id, outcome(run, response));
    void queryClient.invalidateQueries({ queryKey: ['history', 'recent'] });
    if (response.status.state !== 'SUCCEEDED') return false;
    await afterSuccess(tabId, text);
    return true;
  } catch (failure) {
    patchRun(tabId, run.id, { state: 'FAILED', endedAt: Date.now(), failure });
    return false;
  }
}

/** A session that is gone is renewed once; the statement has not run then. */
async function inSession(tabId: string, run: Run, request: StatementRequest, signal: AbortSignal): Promise<StatementResponse> {
  const kept = findTab(tabId)?.session?.id;
  const cold = kept !== undefined && isCold(run.warehouseId);
  let session = await ensureSession(tabId, run.warehouseId);
  // The statement starts it, and people look at its state meanwhile.
  if (isCold(run.warehouseId)) setTimeout(() => void queryClient.invalidateQueries({ queryKey: warehousesQuery.queryKey }), STARTS_MS);
  if (cold && session.id === kept) session = { ...session, note: 'restarted' };
  const send = ({ id, note }: OpenSession) => {
    patchRun(tabId, run.id, { sessionId: id, ...(note ? { note } : {}) });
    return runStatement({ ...request, session_id: id }, { signal, onUpdate: (now) => progress(tabId, run.id, now) });
  };
  try {
    return await send(session);
  } catch (error) {
    if (!isSessionLost(error)) throw error;
    return send(await renewSession(tabId, run.warehouseId));
  }
}

function isCold(warehouseId: string): boolean {
  const list = queryClient.getQueryData(warehousesQuery.queryKey);
  const state = list?.find(({ id }) => id === warehouseId)?.state;
  return state !== undefined && state !== 'RUNNING';
}

function progress(tabId: string, runId: number, now: StatementResponse): void {
  const { state, progress } = now.status;
  if (isFinal(state)) return;
  const fraction = progress?.fraction;
  patchRun(tabId, runId, { statementId: now.statement_id, state, ...(fraction ? { fraction } : {}) });
}

function outcome(run: Run, response: StatementResponse): Partial<Run> {
  const { status } = response;
  const end = { statementId: response.statement_id, state: status.state, endedAt: Date.now() };
  if (status.state === 'SUCCEEDED') return { ...end, result: new ResultSet(response) };
  if (!status.error?.message) return end;
  return { ...end, error: parseSqlError(status.error.message, run.piece.text, status.sql_state) };
}

async function afterSuccess(tabId: string, sql: string): Promise<void> {
  const text = stripComments(sql);
  const tab = findTab(tabId);
  if (tab) nameTabAfter(tab, text);
  if (tab?.session && MOVES.test(text)) await followSession(tabId, tab.session.id).catch(() => undefined);
  if (DDL.test(text)) void queryClient.invalidateQueries({ queryKey: ['uc'] });
}

/** Gives an untouched tab a name people recognise. */
function nameTabAfter(tab: SqlTab, text: string): void {
  if (!/^Query \d+$/.test(tab.title)) return;
  const table = /\b(?:from|into|table|view|update)\s+([\w.`]+)(?![\w.`]*\s*\()/i.exec(text)?.[1];
  const name = table?.replaceAll('`', '').split('.').at(-1);
  if (name && !/^(if|read_files|values|select)$/i.test(name)) changeTab(tab.id, { title: name });
}

/** Asks the server what a run of before the reload answered, or waits for its end. */
export async function resumeRun(tabId: string, run: Run, signal: AbortSignal): Promise<void> {
  if (!run.statementId) return;
  try {
    const first = await getStatement(run.statementId);
    const options = { signal, onUpdate: (now: StatementResponse) => progress(tabId, run.id, now) };
    const response = isActive(run) ? await followStatement(first, options) : first;
    const endedAt = run.endedAt ?? Date.now();
    patchRun(tabId, run.id, { ...outcome(run, response), endedAt, kept: false });
  } catch (error) {
    const gone = error instanceof ApiError && error.status === 404;
    patchRun(tabId, run.id, {
      kept: false,
      endedAt: run.endedAt ?? Date.now(),
      ...(gone ? { state: 'CLOSED' } : { failure: error }),
    });
  }
}
