/** The rows of one fixed statement in a page. A stopped warehouse is not started unasked. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { runStatement } from '../../api/statements';
import { parseSqlError, type SqlError } from '../../lib/sql-error';
import { DataGrid } from '../../results/DataGrid';
import { ResultSet } from '../../results/ResultSet';
import { Button } from '../../ui/Button';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { SqlErrorView } from '../sql/SqlErrorView';
import { WarehousePicker } from '../warehouses/WarehousePicker';
import { useWarehouse } from '../warehouses/selection';

export class StatementFailed extends Error {
  readonly detail: SqlError;
  constructor(detail: SqlError) {
    super(detail.message);
    this.detail = detail;
  }
}

export async function fetchRows(statement: string, warehouseId: string, signal: AbortSignal): Promise<ResultSet> {
  const response = await runStatement(
    { statement, warehouse_id: warehouseId, disposition: 'INLINE', format: 'JSON_ARRAY', row_limit: 1000 },
    { signal },
  );
  if (response.status.state === 'SUCCEEDED') return new ResultSet(response);
  const message = response.status.error?.message ?? `The statement ended as ${response.status.state}.`;
  throw new StatementFailed(parseSqlError(message, statement, response.status.sql_state));
}

interface PanelProps {
  statement: string;
  label: string;
  queryKey: readonly string[];
  empty: string;
}

export function StatementPanel({ statement, label, queryKey, empty }: PanelProps) {
  const { warehouse, list, error: listError } = useWarehouse();
  const [asked, setAsked] = useState(false);
  const running = warehouse?.state === 'RUNNING';
  const query = useQuery({
    queryKey: ['uc', 'rows', ...queryKey, statement, warehouse?.id],
    queryFn: ({ signal }) => fetchRows(statement, warehouse?.id ?? '', signal),
    enabled: warehouse !== undefined && (running || asked),
    staleTime: 60_000,
    retry: false,
  });
  return (
    <section className="card statement-panel" aria-label={label}>
      <div className="card-head">
        <WarehousePicker />
        <span className="grow" />
        <Button small icon="refresh" disabled={!query.data && !query.error} onClick={() => void query.refetch()}>
          Reload
        </Button>
      </div>
      <div className="statement-rows">
        {query.data ? (
          query.data.rowCount > 0 ? (
            <DataGrid key={query.data.statementId} result={query.data} label={label} />
          ) : (
            <EmptyState icon="table" title="No rows">
              {empty}
            </EmptyState>
          )
        ) : query.error instanceof StatementFailed ? (
          <SqlErrorView error={{ ...query.error.detail, offset: undefined }} />
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : listError && !list ? (
          <ErrorState error={listError} />
        ) : list && !warehouse ? (
          <EmptyState icon="warehouse" title="No SQL warehouse">
            Rows are read by a SQL warehouse. Create one on the warehouses page first.
          </EmptyState>
        ) : warehouse && !running && !asked ? (
          <EmptyState
            icon="warehouse"
            title={`${warehouse.name} is not running`}
            actions={
              <Button variant="primary" icon="play" onClick={() => setAsked(true)}>
                Start it and load
              </Button>
            }
          >
            Rows are read by a SQL warehouse. Start this one, or choose another.
          </EmptyState>
        ) : (
          <SkeletonRows rows={10} columns={6} />
        )}
      </div>
    </section>
  );
}
