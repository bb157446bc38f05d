/** What runs and waits on a warehouse now, and what ended last. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { listQueries } from '../../api/history';
import { cancelStatement } from '../../api/statements';
import type { QueryInfo, QueryStatus, Warehouse } from '../../api/types';
import { formatAgo, formatDuration } from '../../lib/format';
import { Link } from '../../lib/router';
import { stripComments } from '../../lib/sql';
import { Button } from '../../ui/Button';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { StatusBadge } from '../history/StatusBadge';
import '../history/history.css';

const RUNNING: readonly QueryStatus[] = ['STARTED', 'COMPILING', 'COMPILED', 'RUNNING'];
const REFRESH_MS = 3000;
const SHOWN = 25;

export function ActivityCard({ warehouse }: { warehouse: Warehouse }) {
  const client = useQueryClient();
  const queryKey = ['history', 'warehouse', warehouse.id];
  const query = useQuery({
    queryKey,
    queryFn: ({ signal }) => listQueries({ warehouseIds: [warehouse.id] }, undefined, SHOWN, signal),
    refetchInterval: REFRESH_MS,
  });
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonRows rows={5} columns={4} />;
  const rows = query.data.res ?? [];
  const running = rows.filter(({ status }) => RUNNING.includes(status)).length;
  const queued = rows.filter(({ status }) => status === 'QUEUED').length;
  const cancel = async (id: string) => {
    try {
      await cancelStatement(id);
      toast('Cancelled');
    } catch (error) {
      toastError(error);
    } finally {
      await client.invalidateQueries({ queryKey });
    }
  };
  return (
    <>
      <div className="card-head activity-head">
        <span role="status">
          <strong>{running}</strong> running, <strong>{queued}</strong> queued
        </span>
        <span className="grow" />
        <Link to={`/history?warehouse=${warehouse.id}`}>All in the query history</Link>
      </div>
      {rows.length === 0 ? (
        <EmptyState icon="history" title="Nothing ran here yet">
          Statements sent to this warehouse are listed here, from every client.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain history-table">
            <thead>
              <tr>
                <th>Status</th>
                <th>Statement</th>
                <th>Started</th>
                <th className="num">Duration</th>
                <th>User</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={row.query_id} row={row} onCancel={cancel} />
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
    </>
  );
}

function Row({ row, onCancel }: { row: QueryInfo; onCancel: (id: string) => Promise<void> }) {
  const id = row.query_id ?? '';
  const active = row.status === 'QUEUED' || RUNNING.includes(row.status);
  const text = stripComments(row.query_text ?? '').replace(/\s+/g, ' ').slice(0, 160) || '(the text is hidden from you)';
  return (
    <tr>
      <td>
        <StatusBadge status={row.status} />
      </td>
      <td className="statement">
        <Link to={`/history/${id}`}>{text}</Link>
      </td>
      <td className="nowrap">{formatAgo(row.query_start_time_ms)}</td>
      <td className="num nowrap">{formatDuration(active ? Date.now() - (row.query_start_time_ms ?? Date.now()) : row.duration)}</td>
      <td className="truncate user" title={row.user_name}>
        {row.user_name ?? '–'}
      </td>
      <td className="actions">
        {active && (
          <Button small icon="stop" onClick={() => void onCancel(id)}>
            Cancel
          </Button>
        )}
      </td>
    </tr>
  );
}
