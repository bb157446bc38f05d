import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { meQuery, warehousesQuery } from '../../app/data';
import { usersQuery } from '../../app/people';
import { useSession } from '../../app/session';
import { listQueries } from '../../api/history';
import type { QueryInfo } from '../../api/types';
import { formatAgo, formatCount, formatDuration, formatTime, titleCase } from '../../lib/format';
import { Link, navigate, useLocation } from '../../lib/router';
import { stripComments } from '../../lib/sql';
import { Button } from '../../ui/Button';
import { SelectField } from '../../ui/Fields';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { filterPath, PERIODS, readFilters, STATUSES, toRequest, type Filters } from './filters';
import { StatusBadge } from './StatusBadge';

const ACTIVE_MS = 2000;
const IDLE_MS = 15_000;

export function HistoryList() {
  const { search } = useLocation();
  const filters = readFilters(search);
  const key = filterPath(filters);
  // The period ends when the filters were chosen or the list was reloaded, so that pages fit together.
  const [reloads, setReloads] = useState(0);
  const query = useInfiniteQuery({
    queryKey: ['history', key, reloads],
    queryFn: ({ pageParam, signal }) => listQueries(toRequest(filters, Date.now()), pageParam, 50, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_next_page === false ? undefined : page.next_page_token || undefined),
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      if (pages.length !== 1) return false;
      return pages[0]?.res?.some((one) => !one.is_final && !isOver(one)) ? ACTIVE_MS : IDLE_MS;
    },
  });
  const rows = query.data?.pages.flatMap((page) => page.res ?? []);
  return (
    <>
      <header className="page-head">
        <div>
          <h1>Query history</h1>
          <p>Statements that ran on SQL warehouses, from every client.</p>
        </div>
        <div className="actions">
          <Button icon="refresh" onClick={() => setReloads(reloads + 1)}>
            Reload
          </Button>
        </div>
      </header>
      <FilterBar filters={filters} />
      <section className="card" aria-label="Queries">
        {rows ? (
          rows.length > 0 ? (
            <QueryTable rows={rows} />
          ) : (
            <EmptyState
              icon="history"
              title="No queries here"
              actions={
                <Link className="button primary" to="/sql">
                  Open the SQL editor
                </Link>
              }
            >
              Nothing fits these filters. Choose a longer period or fewer filters, or run a statement.
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={10} columns={7} />
        )}
        {query.hasNextPage && (
          <div className="load-more">
            <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
              Load more
            </Button>
          </div>
        )}
      </section>
    </>
  );
}

const isOver = ({ status }: QueryInfo) => status === 'FINISHED' || status === 'FAILED' || status === 'CANCELED';

function FilterBar({ filters }: { filters: Filters }) {
  const session = useSession();
  const admin = session.workspace_admin || session.account_admin;
  const warehouses = useQuery(warehousesQuery);
  const users = useQuery({ ...usersQuery, enabled: admin });
  const me = useQuery(meQuery);
  const set = (change: Partial<Filters>) => navigate(filterPath({ ...filters, ...change }), { replace: true });
  const people = admin ? (users.data ?? []) : me.data ? [me.data] : [];
  return (
    <div className="filters">
      <SelectField label="Status" value={filters.status} onChange={(event) => set({ status: event.target.value })}>
        <option value="">All</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {titleCase(status)}
          </option>
        ))}
      </SelectField>
      <SelectField label="User" value={filters.user} onChange={(event) => set({ user: event.target.value })}>
        <option value="">All I may see</option>
        {filters.user && !people.some(({ id }) => id === filters.user) && <option value={filters.user}>User {filters.user}</option>}
        {people.map((user) => (
          <option key={user.id} value={user.id}>
            {user.userName}
          </option>
        ))}
      </SelectField>
      <SelectField label="Warehouse" value={filters.warehouse} onChange={(event) => set({ warehouse: event.target.value })}>
        <option value="">All</option>
        {warehouses.data?.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </SelectField>
      <SelectField label="Started" value={filters.period} onChange={(event) => set({ period: event.target.value })}>
        {PERIODS.map((period) => (
          <option key={period.key} value={period.key}>
            {period.label}
          </option>
        ))}
      </SelectField>
    </div>
  );
}

function QueryTable({ rows }: { rows: readonly QueryInfo[] }) {
  const warehouses = useQuery(warehousesQuery);
  const names = new Map(warehouses.data?.map(({ id, name }) => [id, name]));
  return (
    <TableWrap>
      <table className="plain history-table">
        <thead>
          <tr>
            <th>Status</th>
            <th>Statement</th>
            <th>Started</th>
            <th className="num">Duration</th>
            <th className="num">Rows</th>
            <th>User</th>
            <th>Warehouse</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((query) => (
            <tr key={query.query_id}>
              <td>
                <StatusBadge status={query.status} />
              </td>
              <td className="statement">
                <Link to={`/history/${query.query_id}`}>{firstLine(query.query_text)}</Link>
              </td>
              <td className="nowrap" title={formatTime(query.query_start_time_ms)}>
                {formatAgo(query.query_start_time_ms)}
              </td>
              <td className="num nowrap">{formatDuration(query.duration ?? query.metrics?.total_time_ms)}</td>
              <td className="num">{formatCount(query.rows_produced ?? query.metrics?.rows_produced_count)}</td>
              <td className="truncate user" title={query.user_name}>
                {query.user_name ?? '–'}
              </td>
              <td className="nowrap">{names.get(query.warehouse_id ?? '') ?? query.warehouse_id ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

function firstLine(text: string | undefined): string {
  const line = stripComments(text ?? '').replace(/\s+/g, ' ');
  return line.slice(0, 220) || '(the text is hidden from you)';
}
