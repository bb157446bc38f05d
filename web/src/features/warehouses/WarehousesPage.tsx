/** SQL warehouses: the list, and one of them beside it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { warehousesQuery } from '../../app/data';
import type { Warehouse } from '../../api/types';
import { Button } from '../../ui/Button';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { WarehouseDialog } from './WarehouseDialog';
import { WarehouseDetail } from './WarehouseDetail';
import { WarehouseTable } from './WarehouseTable';
import './warehouses.css';

export default function WarehousesPage({ params }: PageProps) {
  const query = useQuery(warehousesQuery);
  const [editing, setEditing] = useState<Warehouse | 'new' | null>(null);
  const list = query.data;
  const selected = params['id'] ? list?.find(({ id }) => id === params['id']) : undefined;
  return (
    <div className="page">
      <div className="page-inner">
        <header className="page-head">
          <div>
            <h1>SQL warehouses</h1>
            <p>Compute that runs SQL. A stopped warehouse starts with the first statement sent to it.</p>
          </div>
          <div className="actions">
            <Button variant="primary" icon="plus" onClick={() => setEditing('new')}>
              Create warehouse
            </Button>
          </div>
        </header>
        {params['id'] && list && (
          <WarehouseDetail key={params['id']} warehouse={selected} onEdit={setEditing} />
        )}
        <section className="card" aria-label="All warehouses">
          {list ? (
            list.length > 0 ? (
              <WarehouseTable list={list} selected={params['id']} onEdit={setEditing} />
            ) : (
              <EmptyState
                icon="warehouse"
                title="No SQL warehouse"
                actions={
                  <Button variant="primary" icon="plus" onClick={() => setEditing('new')}>
                    Create warehouse
                  </Button>
                }
              >
                Create one to run statements. It stops by itself when nobody uses it.
              </EmptyState>
            )
          ) : query.error ? (
            <ErrorState error={query.error} retry={() => void query.refetch()} />
          ) : (
            <SkeletonRows rows={3} columns={6} />
          )}
        </section>
      </div>
      {editing && <WarehouseDialog warehouse={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
    </div>
  );
}
