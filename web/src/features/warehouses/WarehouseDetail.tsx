/** The page of one warehouse: what it does now, how to connect to it, what it did, who may use it. */
import type { Warehouse } from '../../api/types';
import { formatCount } from '../../lib/format';
import { Link, navigate, useLocation } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, Skeleton } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { ConnectionCard } from './ConnectionCard';
import { EventsCard } from './EventsCard';
import { MonitoringTab } from './MonitoringTab';
import { OverviewTab } from './OverviewTab';
import { PermissionsCard } from './PermissionsCard';
import { StateBadge } from './StateBadge';
import { StartStop } from './WarehouseTable';

type View = 'overview' | 'connection' | 'monitoring' | 'events' | 'permissions';
const VIEWS: readonly TabItem<View>[] = [
  { key: 'overview', label: 'Overview' },
  { key: 'connection', label: 'Connection details' },
  { key: 'monitoring', label: 'Monitoring' },
  { key: 'events', label: 'Events' },
  { key: 'permissions', label: 'Permissions' },
];

interface DetailProps {
  /** Undefined: the list is not loaded; null: it is not in it. */
  warehouse: Warehouse | null | undefined;
  onEdit: (warehouse: Warehouse) => void;
  onDelete: (warehouse: Warehouse) => void;
}

export function WarehouseDetail({ warehouse, onEdit, onDelete }: DetailProps) {
  const { search } = useLocation();
  const asked = search.get('tab');
  const view = VIEWS.find(({ key }) => key === asked)?.key ?? 'overview';
  if (warehouse === null) {
    return (
      <section className="card">
        <EmptyState icon="warehouse" title="No such warehouse" actions={<Link className="button" to="/warehouses">All warehouses</Link>}>
          It may have been deleted, or you may not see it.
        </EmptyState>
      </section>
    );
  }
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/warehouses">SQL warehouses</Link>
        <span>{warehouse?.name ?? '…'}</span>
      </nav>
      <header className="page-head warehouse-head">
        <div>
          <h1>{warehouse?.name ?? <Skeleton width={220} height={26} />}</h1>
          <div className="warehouse-facts">{warehouse ? <Facts warehouse={warehouse} /> : <Skeleton width={280} height={22} />}</div>
        </div>
        {warehouse && (
          <div className="actions">
            <StartStop warehouse={warehouse} large />
            <Button icon="edit" onClick={() => onEdit(warehouse)}>
              Edit
            </Button>
            <Menu
              label={`More actions for ${warehouse.name}`}
              className="button icon"
              actions={[
                { label: 'Queries in the history', icon: 'history', onSelect: () => navigate(`/history?warehouse=${warehouse.id}`) },
                { label: 'Delete', icon: 'trash', danger: true, onSelect: () => onDelete(warehouse) },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </div>
        )}
      </header>
      {warehouse && <Health warehouse={warehouse} />}
      <Tabs
        items={VIEWS}
        active={view}
        onSelect={(key) => warehouse && navigate(`/warehouses/${warehouse.id}${key === 'overview' ? '' : `?tab=${key}`}`, { replace: true })}
        label={`About ${warehouse?.name ?? 'the warehouse'}`}
        idBase="warehouse"
      />
      <div id="warehouse-panel" role="tabpanel" aria-labelledby={`warehouse-tab-${view}`} className="warehouse-panel">
        {!warehouse && <Skeleton height={260} />}
        {warehouse && view === 'overview' && <OverviewTab warehouse={warehouse} />}
        {warehouse && view === 'connection' && <ConnectionCard warehouse={warehouse} />}
        {warehouse && view === 'monitoring' && <MonitoringTab warehouse={warehouse} />}
        {warehouse && view === 'events' && <EventsCard warehouse={warehouse} />}
        {warehouse && view === 'permissions' && (
          <section className="card" aria-label="Permissions">
            <PermissionsCard object={{ type: 'warehouses', id: warehouse.id }} name={warehouse.name} />
          </section>
        )}
      </div>
    </>
  );
}

function Facts({ warehouse }: { warehouse: Warehouse }) {
  const { state, cluster_size, enable_serverless_compute, num_clusters = 0, max_num_clusters = 1 } = warehouse;
  return (
    <>
      <StateBadge state={state} />
      <span>{cluster_size}</span>
      <span>{enable_serverless_compute ? 'Serverless' : 'Classic'}</span>
      <span>
        {formatCount(num_clusters)} of {max_num_clusters} {max_num_clusters === 1 ? 'engine' : 'engines'}
      </span>
    </>
  );
}

function Health({ warehouse: { health } }: { warehouse: Warehouse }) {
  const text = health?.summary ?? health?.message;
  if (!health || health.status === 'HEALTHY' || !text) return null;
  const failed = health.status === 'FAILED';
  return (
    <div className={`notice page-notice ${failed ? 'danger' : 'warn'}`} role="status">
      <Icon name="warning" />
      <div>
        <strong>{failed ? 'The last start failed.' : 'It has trouble to start.'}</strong> {text}
        {failed && health.details && <div>{health.details}</div>}
      </div>
    </div>
  );
}
