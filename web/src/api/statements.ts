/** The statement API and the life of one statement: submit, poll with a growing interval, cancel. */
import { api, as, body } from './client';
import { ApiError } from './http';
import type { ResultData, StatementRequest, StatementResponse, StatementState } from './types';

const POLL_FIRST_MS = 20;
const POLL_GROWTH = 1.5;
const POLL_MAX_MS = 2000;
/** How often a poll may fail to reach the server before the statement is given up. */
const POLL_FAILURES_MAX = 5;

const at = (statement_id: string) => ({ params: { path: { statement_id } } });

export const executeStatement = (request: StatementRequest) =>
  as<StatementResponse>(api.POST('/api/2.0/sql/statements', { body: request }));
export const getStatement = (id: string) =>
  as<StatementResponse>(api.GET('/api/2.0/sql/statements/{statement_id}', at(id)));
export const getChunk = (statement_id: string, chunk_index: number) =>
  as<ResultData>(
    api.GET('/api/2.0/sql/statements/{statement_id}/result/chunks/{chunk_index}', {
      params: { path: { statement_id, chunk_index } },
    }),
  );
export const cancelStatement = (id: string) => body(api.POST('/api/2.0/sql/statements/{statement_id}/cancel', at(id)));

export function isFinal(state: StatementState): boolean {
  return state !== 'PENDING' && state !== 'RUNNING';
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Called with every answer, the first included. */
  onUpdate?: (response: StatementResponse) => void;
}

/** Runs a statement to its end. An abort cancels it on the server and still waits for its last state. */
export async function runStatement(
  request: StatementRequest,
  { signal, onUpdate }: RunOptions = {},
): Promise<StatementResponse> {
  const response = await executeStatement({ wait_timeout: '0s', on_wait_timeout: 'CONTINUE', ...request });
  onUpdate?.(response);
  return followStatement(response, { ...(signal ? { signal } : {}), ...(onUpdate ? { onUpdate } : {}) });
}

/** Waits for the end of a statement that was submitted before. */
export async function followStatement(
  first: StatementResponse,
  { signal, onUpdate }: RunOptions = {},
): Promise<StatementResponse> {
  let response = first;
  let cancelled = false;
  let failures = 0;
  let wait = POLL_FIRST_MS;
  while (!isFinal(response.status.state)) {
    if (signal?.aborted && !cancelled) {
      cancelled = true;
      wait = POLL_FIRST_MS;
      await cancelStatement(response.statement_id);
    }
    await sleep(wait, cancelled ? undefined : signal);
    wait = Math.min(wait * POLL_GROWTH, POLL_MAX_MS);
    try {
      response = await getStatement(response.statement_id);
      failures = 0;
      onUpdate?.(response);
    } catch (error) {
      failures += 1;
      if (!isTransient(error) || failures > POLL_FAILURES_MAX) throw error;
    }
  }
  return response;
}

function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 502);
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}
