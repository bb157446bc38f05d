/** One query: its text, timings, metrics, error and plan. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { warehousesQuery } from '../../app/data';
import { getProfile, getQuery } from '../../api/history';
import { cancelStatement } from '../../api/statements';
import type { QueryInfo } from '../../api/types';
import { formatBytes, formatCount, formatDuration, formatTime } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { parseSqlError } from '../../lib/sql-error';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { EmptyState, ErrorState, Skeleton } from '../../ui/States';
import { toastError } from '../../ui/Toasts';
import { openTab } from '../sql/tabs';
import { Profile } from './Profile';
import { StatusBadge } from './StatusBadge';
import { Timings } from './Timings';

const ACTIVE_MS = 1000;

function isActive(query: QueryInfo | null | undefined): boolean {
  return query ? !['FINISHED', 'FAILED', 'CANCELED'].includes(query.status) : false;
}

export function QueryDetail({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['history', 'one', id],
    queryFn: ({ signal }) => getQuery(id, signal),
    refetchInterval: ({ state }) => (isActive(state.data) ? ACTIVE_MS : false),
  });
  const info = query.data;
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (info === undefined) {
    return (
      <div className="stack" aria-busy="true">
        <Skeleton width={240} height={28} />
        <Skeleton height={140} />
        <Skeleton height={220} />
      </div>
    );
  }
  if (info === null) {
    return (
      <EmptyState icon="history" title="No such query" actions={<Link className="button" to="/history">Back to the history</Link>}>
        It may be older than the history goes back, or you may not see it.
      </EmptyState>
    );
  }
  return <Detail info={info} onChanged={() => void query.refetch()} />;
}

function Detail({ info, onChanged }: { info: QueryInfo; onChanged: () => void }) {
  const [cancelling, setCancelling] = useState(false);
  const cancel = async () => {
    setCancelling(true);
    try {
      await cancelStatement(info.query_id);
      onChanged();
    } catch (error) {
      toastError(error);
    } finally {
      setCancelling(false);
    }
  };
  const open = () => {
    openTab({ sql: info.query_text ?? '' });
    navigate('/sql');
  };
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/history">Query history</Link>
        <span className="mono">{info.query_id}</span>
        <CopyButton text={info.query_id} label="Copy the query id" />
      </nav>
      <header className="page-head">
        <div className="row">
          <h1>{info.statement_type ? `${info.statement_type} statement` : 'Statement'}</h1>
          <StatusBadge status={info.status} />
        </div>
        <div className="actions">
          {isActive(info) && (
            <Button icon="stop" busy={cancelling} onClick={() => void cancel()}>
              Cancel query
            </Button>
          )}
          <Button icon="sql" onClick={open} disabled={!info.query_text}>
            Open in the editor
          </Button>
        </div>
      </header>
      {info.error_message && <QueryError info={info} />}
      <section className="card" aria-label="Statement">
        <div className="card-head">
          <h2 className="grow">Statement</h2>
          <CopyButton text={info.query_text ?? ''} label="Copy the statement" />
        </div>
        <pre className="code-block statement-text" tabIndex={0}>
          {info.query_text ?? ''}
        </pre>
      </section>
      <div className="history-columns">
        <section className="card" aria-label="Time">
          <div className="card-head">
            <h2>Time</h2>
          </div>
          <div className="card-body">
            <Timings info={info} />
          </div>
        </section>
        <Metrics info={info} />
      </div>
      <ProfileCard info={info} />
    </>
  );
}

function QueryError({ info }: { info: QueryInfo }) {
  const error = parseSqlError(info.error_message ?? '', info.query_text ?? '');
  return (
    <div className="notice danger" role="alert">
      <span>
        <strong>{error.errorClass ?? 'The statement failed'}</strong>
        {error.sqlState && ` (SQLSTATE ${error.sqlState})`}
        <br />
        {error.message}
      </span>
    </div>
  );
}

/** Browsers send a page of history as their name. */
function clientOf(application: string | undefined): string {
  if (!application) return '–';
  return application.startsWith('Mozilla/') ? 'Web app' : application;
}

function Metrics({ info }: { info: QueryInfo }) {
  const warehouses = useQuery(warehousesQuery);
  const warehouse = warehouses.data?.find(({ id }) => id === info.warehouse_id);
  const metrics = info.metrics ?? {};
  const rows: [string, string][] = [
    ['User', info.user_name ?? '–'],
    ['Warehouse', warehouse?.name ?? info.warehouse_id ?? '–'],
    ['Client', clientOf(info.client_application)],
    ['Started', formatTime(info.query_start_time_ms)],
    ['Rows returned', formatCount(info.rows_produced ?? metrics.rows_produced_count)],
    ['Rows read', formatCount(metrics.rows_read_count)],
    ['Bytes read', formatBytes(metrics.read_bytes)],
    ['Files read, pruned', `${formatCount(metrics.read_files_count)}, ${formatCount(metrics.pruned_files_count)}`],
    ['From the result cache', metrics.result_from_cache ? 'Yes' : 'No'],
    ['Spilled to disk', formatBytes(metrics.spill_to_disk_bytes)],
    ['Peak memory', formatBytes(metrics.peak_memory_bytes)],
    ['Sent to the client', formatBytes(metrics.network_sent_bytes)],
  ];
  return (
    <section className="card" aria-label="Metrics">
      <div className="card-head">
        <h2>Metrics</h2>
      </div>
      <div className="card-body">
        <dl className="kv">
          {rows.map(([name, value]) => (
            <div key={name} className="kv-row">
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
    </section>
  );
}

function ProfileCard({ info }: { info: QueryInfo }) {
  const profile = useQuery({
    queryKey: ['history', 'profile', info.query_id, info.status],
    queryFn: ({ signal }) => getProfile(info.query_id, signal),
    enabled: !isActive(info),
  });
  return (
    <section className="card" aria-label="Plan profile">
      <div className="card-head">
        <h2>Plan profile</h2>
      </div>
      {isActive(info) ? (
        <EmptyState icon="history" title="Still running">
          The profile comes with the end of the query, {formatDuration(Date.now() - (info.query_start_time_ms ?? Date.now()))} so far.
        </EmptyState>
      ) : profile.error ? (
        <ErrorState error={profile.error} retry={() => void profile.refetch()} />
      ) : profile.data === undefined ? (
        <div className="card-body">
          <Skeleton height={160} />
        </div>
      ) : profile.data === null ? (
        <EmptyState icon="info" title="No profile">
          This statement ran without a plan, or failed before it had one. Run a SELECT to see one.
        </EmptyState>
      ) : (
        <Profile root={profile.data} />
      )}
    </section>
  );
}
