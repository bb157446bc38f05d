/** Query history and the profile of one query. */
import { send } from './http';
import type { PlanNode, QueryInfo, QueryStatus } from './types';

export interface HistoryFilter {
  statuses?: QueryStatus[];
  userIds?: string[];
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

export const listQueries = (filter: HistoryFilter, token?: string, max = 50, signal?: AbortSignal) =>
  send<HistoryPage>('GET', '/api/2.0/sql/history/queries', {
    query: {
      'filter_by.statuses': filter.statuses,
      'filter_by.user_ids': filter.userIds,
      'filter_by.warehouse_ids': filter.warehouseIds,
      'filter_by.statement_ids': filter.statementIds,
      'filter_by.query_start_time_range.start_time_ms': filter.startMs,
      'filter_by.query_start_time_range.end_time_ms': filter.endMs,
      include_metrics: true,
      max_results: max,
      page_token: token,
    },
    signal,
  });

export const getQuery = async (id: string, signal?: AbortSignal): Promise<QueryInfo | null> => {
  const page = await listQueries({ statementIds: [id] }, undefined, 1, signal);
  return page.res?.find((query) => query.query_id === id) ?? null;
};

export const getProfile = async (id: string, signal?: AbortSignal): Promise<PlanNode | null> => {
  const path = `/api/2.0/biplane/queries/${encodeURIComponent(id)}/profile`;
  const answer = await send<{ profile?: PlanNode | null }>('GET', path, { signal });
  return answer.profile ?? null;
};
