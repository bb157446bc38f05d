/** The page of one pool: its hosts, what went wrong with them, who may attach clusters. */
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactNode } from 'react';
import type { InstancePool } from '../../api/types';
import { plural } from '../../lib/format';
import { Link } from '../../lib/router';
import { CodeLine } from '../../ui/CopyButton';
import { Icon } from '../../ui/Icon';
import { EmptyState, Skeleton } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { useTab } from '../catalog/useTab';
import { PermissionsCard } from '../warehouses/PermissionsCard';
import { nameOf } from './ClusterTable';
import { PoolMenu, type PoolAsk } from './PoolsPage';
import { problemsOfHosts, usageText } from './pool';
import { clustersQuery } from './queries';

const VIEWS: readonly TabItem<'configuration' | 'permissions'>[] = [
  { key: 'configuration', label: 'Configuration' },
  { key: 'permissions', label: 'Permissions' },
];

interface DetailProps {
  /** Undefined: the list is not loaded; null: it is not in it. */
  pool: InstancePool | null | undefined;
  onAsk: (ask: PoolAsk) => void;
}

export function PoolDetail({ pool, onAsk }: DetailProps) {
  const [view, setView] = useTab(
    VIEWS.map(({ key }) => key),
    'configuration',
  );
  if (pool === null) {
    return (
      <section className="card">
        <EmptyState icon="host" title="No such pool" actions={<Link className="button" to="/clusters/pools">All pools</Link>}>
          It may have been deleted, or you may not see it.
        </EmptyState>
      </section>
    );
  }
  const name = pool?.instance_pool_name ?? '…';
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/clusters/pools">Pools</Link>
        <span>{name}</span>
      </nav>
      <header className="page-head">
        <div>
          <h1>{pool ? name : <Skeleton width={220} height={26} />}</h1>
          {pool && <p>{usageText(pool)}</p>}
        </div>
        {pool && (
          <div className="actions">
            <PoolMenu pool={pool} onAsk={onAsk} />
          </div>
        )}
      </header>
      {pool && <Problems pool={pool} />}
      <Tabs items={VIEWS} active={view} onSelect={setView} label={`About ${name}`} idBase="pool" />
      <div id="pool-panel" role="tabpanel" aria-labelledby={`pool-tab-${view}`} className="warehouse-panel">
        {!pool && <Skeleton height={260} />}
        {pool && view === 'configuration' && <Configuration pool={pool} />}
        {pool && view === 'permissions' && (
          <section className="card" aria-label="Permissions">
            <PermissionsCard object={{ type: 'instance-pools', id: pool.instance_pool_id }} name={name} />
          </section>
        )}
      </div>
    </>
  );
}

function Problems({ pool }: { pool: InstancePool }) {
  const messages = problemsOfHosts(pool);
  if (messages.length === 0) return null;
  return (
    <div className="notice page-notice danger" role="status">
      <Icon name="warning" />
      <div>
        <strong>Hosts could not be had</strong>
        {messages.map((message) => (
          <div key={message}>{message}</div>
        ))}
      </div>
    </div>
  );
}

function Configuration({ pool }: { pool: InstancePool }) {
  const clusters = useQuery(clustersQuery);
  const used = clusters.data?.filter((one) => [one.instance_pool_id, one.driver_instance_pool_id].includes(pool.instance_pool_id)) ?? [];
  const { stats } = pool;
  const rows: [string, ReactNode][] = [
    ['In use', stats.used_count + stats.pending_used_count],
    ['Idle', stats.idle_count],
    ['On the way', stats.pending_idle_count],
    ['Kept idle', pool.min_idle_instances ?? 0],
    ['At most', pool.max_capacity ? plural(pool.max_capacity, 'host') : 'No limit'],
    ['Idle hosts end', `After ${plural(pool.idle_instance_autotermination_minutes ?? 0, 'minute')}`],
    ['Node type', <span key="type" className="mono">{pool.node_type_id}</span>],
    ...(pool.aws_attributes?.availability ? ([['Availability', pool.aws_attributes.availability.toLowerCase().replaceAll('_', ' ')]] as [string, ReactNode][]) : []),
    [
      'Tags',
      <span key="tags" className="tag-list">
        {Object.entries({ ...pool.custom_tags, ...pool.default_tags }).map(([key, value]) => (
          <span key={key} className="badge">
            {value ? `${key}: ${value}` : key}
          </span>
        ))}
      </span>,
    ],
    [
      'Clusters',
      used.length === 0
        ? 'None'
        : used.map((one, at) => (
            <Fragment key={one.cluster_id}>
              {at > 0 && ', '}
              <Link to={`/clusters/${one.cluster_id}`}>{nameOf(one)}</Link>
            </Fragment>
          )),
    ],
  ];
  return (
    <section className="card" aria-label="Configuration">
      <dl className="kv card-body overview-kv">
        {rows.map(([label, value]) => (
          <Fragment key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      <div className="card-body">
        <CodeLine text={pool.instance_pool_id} label="Copy the pool id" />
      </div>
    </section>
  );
}
