/** The filters of the history; they live in the address, so that a view can be shared. */
import type { QueryStatus } from '../../api/types';
import type { HistoryFilter } from '../../api/history';

export const STATUSES: readonly QueryStatus[] = ['QUEUED', 'RUNNING', 'FINISHED', 'FAILED', 'CANCELED'];

export const PERIODS: readonly { key: string; label: string; ms: number }[] = [
  { key: '1h', label: 'Last hour', ms: 3_600_000 },
  { key: '24h', label: 'Last 24 hours', ms: 86_400_000 },
  { key: '7d', label: 'Last 7 days', ms: 7 * 86_400_000 },
  { key: '30d', label: 'Last 30 days', ms: 30 * 86_400_000 },
];
export const PERIOD_DEFAULT = '7d';

export interface Filters {
  status: string;
  user: string;
  warehouse: string;
  period: string;
}

export function readFilters(search: URLSearchParams): Filters {
  const period = search.get('period') ?? PERIOD_DEFAULT;
  return {
    status: search.get('status') ?? '',
    user: search.get('user') ?? '',
    warehouse: search.get('warehouse') ?? '',
    period: PERIODS.some(({ key }) => key === period) ? period : PERIOD_DEFAULT,
  };
}

export function filterPath(filters: Filters): string {
  const search = new URLSearchParams();
  if (filters.status) search.set('status', filters.status);
  if (filters.user) search.set('user', filters.user);
  if (filters.warehouse) search.set('warehouse', filters.warehouse);
  if (filters.period !== PERIOD_DEFAULT) search.set('period', filters.period);
  const text = search.toString();
  return text ? `/history?${text}` : '/history';
}

/** A running statement may be in any of the states before its end. */
const RUNNING: QueryStatus[] = ['STARTED', 'COMPILING', 'COMPILED', 'RUNNING'];

export function toRequest(filters: Filters, now: number): HistoryFilter {
  const status = STATUSES.find((one) => one === filters.status);
  const period = PERIODS.find(({ key }) => key === filters.period);
  return {
    ...(status ? { statuses: status === 'RUNNING' ? RUNNING : [status] } : {}),
    ...(/^\d+$/.test(filters.user) ? { userIds: [Number(filters.user)] } : {}),
    ...(filters.warehouse ? { warehouseIds: [filters.warehouse] } : {}),
    ...(period ? { startMs: now - period.ms, endMs: now + 60_000 } : {}),
  };
}
