/** Query history and the profile of one query. */
import { api, as, withSignal } from './client';
import type { PlanNode, QueryInfo, QueryStatus } from './types';

export interface HistoryFilter {
  statuses?: QueryStatus[];
  userIds?: number[];
  warehouseIds?: string[];
  statementIds?: string[];
  startMs?: number;
  endMs?: number;
}

export interface HistoryPage {
  res?: QueryInfo[];
  next_page_token?: string;
  has_next_page?: boolean;
}

function queryOf(filter: HistoryFilter) {
  const { statuses, userIds, warehouseIds, statementIds, startMs, endMs } = filter;
  return {
    ...(statuses ? { 'filter_by.statuses': statuses } : {}),
    ...(userIds ? { 'filter_by.user_ids': userIds } : {}),
    ...(warehouseIds ? { 'filter_by.warehouse_ids': warehouseIds } : {}),
    ...(statementIds ? { 'filter_by.statement_ids': statementIds } : {}),
    ...(startMs === undefined ? {} : { 'filter_by.query_start_time_range.start_time_ms': startMs }),
    ...(endMs === undefined ? {} : { 'filter_by.query_start_time_range.end_time_ms': endMs }),
  };
}

export const listQueries = (filter: HistoryFilter, token?: string, max = 50, signal?: AbortSignal) =>
  as<HistoryPage>(
    api.GET('/api/2.0/sql/history/queries', {
      params: {
        query: { ...queryOf(filter), include_metrics: true, max_results: max, ...(token ? { page_token: token } : {}) },
      },
      ...withSignal(signal),
    }),
  );

export const getQuery = async (id: string, signal?: AbortSignal): Promise<QueryInfo | null> => {
  const page = await listQueries({ statementIds: [id] }, undefined, 1, signal);
  return page.res?.find((query) => query.query_id === id) ?? null;
};

export const getProfile = async (query_id: string, signal?: AbortSignal): Promise<PlanNode | null> => {
  const answer = await as<{ profile?: PlanNode | null }>(
    api.GET('/api/2.0/biplane/queries/{query_id}/profile', { params: { path: { query_id } }, ...withSignal(signal) }),
  );
  return answer.profile ?? null;
};
