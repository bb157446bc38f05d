/** Instance pools: the list, or the page of one. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import type { InstancePool } from '../../api/types';
import { plural } from '../../lib/format';
import { Link } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { ComputeNav } from '../compute/ComputeNav';
import { PoolDetail } from './PoolDetail';
import { DeletePoolDialog, PoolDialog } from './PoolDialogs';
import { problemsOfHosts, usageText } from './pool';
import { poolsQuery } from './queries';
import '../warehouses/warehouses.css';

export type PoolAsk = { what: 'edit' | 'delete'; pool: InstancePool } | { what: 'new' };

export default function PoolsPage({ params: { action: id } }: PageProps) {
  const query = useQuery(poolsQuery);
  const [asking, setAsking] = useState<PoolAsk | null>(null);
  const close = () => setAsking(null);
  return (
    <div className="page">
      <div className="page-inner">
        {query.error && !query.data ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : id ? (
          <PoolDetail key={id} pool={query.data && (query.data.find(({ instance_pool_id }) => instance_pool_id === id) ?? null)} onAsk={setAsking} />
        ) : (
          <All list={query.data} onAsk={setAsking} />
        )}
      </div>
      {asking?.what === 'delete' && <DeletePoolDialog pool={asking.pool} onClose={close} />}
      {asking && asking.what !== 'delete' && <PoolDialog pool={asking.what === 'edit' ? asking.pool : null} onClose={close} />}
    </div>
  );
}

function All({ list, onAsk }: { list: readonly InstancePool[] | undefined; onAsk: (ask: PoolAsk) => void }) {
  const create = (
    <Button variant="primary" icon="plus" onClick={() => onAsk({ what: 'new' })}>
      Create pool
    </Button>
  );
  return (
    <>
      <ComputeNav />
      <header className="page-head">
        <div>
          <h1>Instance pools</h1>
          <p>Hosts that wait. A cluster of a pool starts on them at once, and gives them back when it ends.</p>
        </div>
        <div className="actions">{create}</div>
      </header>
      <section className="card" aria-label="All pools">
        {!list ? (
          <SkeletonRows rows={3} columns={5} />
        ) : list.length > 0 ? (
          <PoolTable list={list} onAsk={onAsk} />
        ) : (
          <EmptyState icon="host" title="No pool" actions={create}>
            Clusters wait for their hosts to start. Those of a pool do not, while it has idle ones.
          </EmptyState>
        )}
      </section>
    </>
  );
}

function PoolTable({ list, onAsk }: { list: readonly InstancePool[]; onAsk: (ask: PoolAsk) => void }) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>Node type</th>
            <th>Hosts</th>
            <th>Kept idle</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((pool) => (
            <tr key={pool.instance_pool_id}>
              <td>
                <Link to={`/clusters/pools/${pool.instance_pool_id}`}>{pool.instance_pool_name}</Link>{' '}
                {problemsOfHosts(pool).length > 0 && <span className="badge warn">{plural(problemsOfHosts(pool).length, 'problem')}</span>}
              </td>
              <td className="mono">{pool.node_type_id}</td>
              <td>{usageText(pool)}</td>
              <td>{pool.min_idle_instances ?? 0}</td>
              <td className="actions">
                <PoolMenu pool={pool} onAsk={onAsk} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

export function PoolMenu({ pool, onAsk }: { pool: InstancePool; onAsk: (ask: PoolAsk) => void }) {
  return (
    <Menu
      label={`Actions for ${pool.instance_pool_name}`}
      actions={[
        { label: 'Edit', icon: 'edit', onSelect: () => onAsk({ what: 'edit', pool }) },
        { label: 'Delete', icon: 'trash', danger: true, onSelect: () => onAsk({ what: 'delete', pool }) },
      ]}
    >
      <Icon name="more" />
    </Menu>
  );
}
