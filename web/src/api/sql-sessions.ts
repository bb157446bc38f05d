/** SQL sessions: what USE, SET and temporary views leave behind lasts as long as one of these. */
import { api, as, body } from './client';
import { ApiError } from './http';
import type { SqlSession } from './types';

const at = (session_id: string) => ({ params: { path: { session_id } } });

export interface NewSession {
  warehouse_id: string;
  catalog?: string;
  schema?: string;
}

export const createSqlSession = (request: NewSession) => as<SqlSession>(api.POST('/api/2.0/sql/sessions', { body: request }));
export const getSqlSession = (id: string) => as<SqlSession>(api.GET('/api/2.0/sql/sessions/{session_id}', at(id)));
export const deleteSqlSession = (id: string) => body(api.DELETE('/api/2.0/sql/sessions/{session_id}', at(id)));

/** The server answers so for a session that was closed, has expired, or that it never knew. */
export function isSessionLost(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404 && /\bsession\b/i.test(error.message);
}
