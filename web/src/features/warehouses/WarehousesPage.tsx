/** SQL warehouses: the list, or the page of one. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { warehousesQuery } from '../../app/data';
import type { Warehouse } from '../../api/types';
import { deleteWarehouse } from '../../api/warehouses';
import { navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { toast } from '../../ui/Toasts';
import { ComputeNav } from '../compute/ComputeNav';
import { useWarehouseActions } from './useWarehouseActions';
import { WarehouseDetail } from './WarehouseDetail';
import { WarehouseDialog } from './WarehouseDialog';
import { WarehouseTable } from './WarehouseTable';
import './warehouses.css';

export default function WarehousesPage({ params }: PageProps) {
  const query = useQuery(warehousesQuery);
  const { refresh } = useWarehouseActions();
  const [editing, setEditing] = useState<Warehouse | 'new' | null>(null);
  const [deleting, setDeleting] = useState<Warehouse | null>(null);
  const { id } = params;
  return (
    <div className="page">
      <div className="page-inner">
        {id ? (
          <One id={id} query={query} onEdit={setEditing} onDelete={setDeleting} />
        ) : (
          <All query={query} onCreate={() => setEditing('new')} onEdit={setEditing} onDelete={setDeleting} />
        )}
      </div>
      {editing && <WarehouseDialog warehouse={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.name}?`}
          submitLabel="Delete warehouse"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteWarehouse(deleting.id);
            await refresh();
            navigate('/warehouses', { replace: true });
            toast(`${deleting.name} deleted`);
          }}
        >
          <p>Statements that run on it are cancelled, and tools that connect to it stop working. Tables stay.</p>
        </FormDialog>
      )}
    </div>
  );
}

interface ViewProps {
  query: { data: Warehouse[] | undefined; error: unknown; refetch: () => unknown };
  onEdit: (warehouse: Warehouse) => void;
  onDelete: (warehouse: Warehouse) => void;
}

function One({ id, query, ...rest }: ViewProps & { id: string }) {
  if (query.error && !query.data) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  const warehouse = query.data && (query.data.find((one) => one.id === id) ?? null);
  return <WarehouseDetail key={id} warehouse={warehouse} {...rest} />;
}

function All({ query, onCreate, onEdit, onDelete }: ViewProps & { onCreate: () => void }) {
  const list = query.data;
  const create = (
    <Button variant="primary" icon="plus" onClick={onCreate}>
      Create warehouse
    </Button>
  );
  return (
    <>
      <ComputeNav />
      <header className="page-head">
        <div>
          <h1>SQL warehouses</h1>
          <p>Compute that runs SQL. A stopped warehouse starts with the first statement sent to it.</p>
        </div>
        <div className="actions">{create}</div>
      </header>
      <section className="card" aria-label="All warehouses">
        {list ? (
          list.length > 0 ? (
            <WarehouseTable list={list} onEdit={onEdit} onDelete={onDelete} />
          ) : (
            <EmptyState icon="warehouse" title="No SQL warehouse" actions={create}>
              Create one to run statements. It stops by itself when nobody uses it.
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={3} columns={6} />
        )}
      </section>
    </>
  );
}
