/** One warehouse: how to connect to it and how it is set up, what runs on it, who may use it. */
import type { Tag, Warehouse } from '../../api/types';
import { plural, titleCase } from '../../lib/format';
import { Link, navigate, useLocation } from '../../lib/router';
import { Button, IconButton } from '../../ui/Button';
import { CodeLine } from '../../ui/CopyButton';
import { EmptyState } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { ActivityCard } from './ActivityCard';
import { PermissionsCard } from './PermissionsCard';
import { StateBadge } from './StateBadge';
import { StartStop } from './WarehouseTable';

type View = 'overview' | 'queries' | 'permissions';
const VIEWS: readonly TabItem<View>[] = [
  { key: 'overview', label: 'Overview' },
  { key: 'queries', label: 'Queries' },
  { key: 'permissions', label: 'Permissions' },
];

interface DetailProps {
  warehouse: Warehouse | undefined;
  onEdit: (warehouse: Warehouse) => void;
}

export function WarehouseDetail({ warehouse, onEdit }: DetailProps) {
  const { search } = useLocation();
  const asked = search.get('tab');
  const view = VIEWS.find(({ key }) => key === asked)?.key ?? 'overview';
  if (!warehouse) {
    return (
      <section className="card warehouse-detail">
        <EmptyState icon="warehouse" title="No such warehouse" actions={<Link className="button" to="/warehouses">Close</Link>}>
          It may have been deleted. Choose another from the list.
        </EmptyState>
      </section>
    );
  }
  return (
    <section className="card warehouse-detail" aria-labelledby="warehouse-name">
      <div className="card-head">
        <h2 id="warehouse-name">{warehouse.name}</h2>
        <StateBadge state={warehouse.state} />
        <span className="grow" />
        <StartStop warehouse={warehouse} />
        <Button small icon="edit" onClick={() => onEdit(warehouse)}>
          Edit
        </Button>
        <IconButton icon="close" label="Close details" onClick={() => navigate('/warehouses')} />
      </div>
      {warehouse.health && warehouse.health.status !== 'HEALTHY' && (warehouse.health.summary || warehouse.health.message) && (
        <div className="card-body">
          <div className="notice warn">{warehouse.health.summary ?? warehouse.health.message}</div>
        </div>
      )}
      <Tabs
        items={VIEWS}
        active={view}
        onSelect={(key) => navigate(`/warehouses/${warehouse.id}${key === 'overview' ? '' : `?tab=${key}`}`, { replace: true })}
        label={`About ${warehouse.name}`}
        idBase="warehouse"
      />
      <div id="warehouse-panel" role="tabpanel" aria-labelledby={`warehouse-tab-${view}`}>
        {view === 'overview' && <Overview warehouse={warehouse} />}
        {view === 'queries' && <ActivityCard warehouse={warehouse} />}
        {view === 'permissions' && <PermissionsCard warehouse={warehouse} />}
      </div>
    </section>
  );
}

function Overview({ warehouse }: { warehouse: Warehouse }) {
  const path = warehouse.odbc_params?.path ?? `/sql/1.0/warehouses/${warehouse.id}`;
  const tags = warehouse.tags.custom_tags ?? [];
  const host = location.hostname;
  const port = location.port || (location.protocol === 'https:' ? '443' : '80');
  return (
    <div className="warehouse-columns">
      <div>
        <h3>Connection details</h3>
        <dl className="connection">
          <dt>Server host name</dt>
          <dd>
            <CodeLine text={host} label="Copy the host name" />
          </dd>
          <dt>Port</dt>
          <dd>
            <CodeLine text={port} label="Copy the port" />
          </dd>
          <dt>HTTP path</dt>
          <dd>
            <CodeLine text={path} label="Copy the HTTP path" />
          </dd>
          {warehouse.jdbc_url && (
            <>
              <dt>JDBC URL</dt>
              <dd>
                <CodeLine text={warehouse.jdbc_url} label="Copy the JDBC URL" />
              </dd>
            </>
          )}
          <dt>Warehouse id</dt>
          <dd>
            <CodeLine text={warehouse.id} label="Copy the warehouse id" />
          </dd>
        </dl>
        <p className="small muted">
          A tool also needs a token: <Link to="/settings/tokens">create one in the settings</Link>.
        </p>
      </div>
      <div>
        <h3>Configuration</h3>
        <dl className="kv">
          <dt>Size</dt>
          <dd>{warehouse.cluster_size}</dd>
          <dt>Type</dt>
          <dd>
            {titleCase(warehouse.warehouse_type ?? 'PRO')}
            {warehouse.enable_serverless_compute ? ', serverless' : ''}
          </dd>
          <dt>Clusters</dt>
          <dd>
            {warehouse.min_num_clusters ?? 1} to {warehouse.max_num_clusters ?? 1}
          </dd>
          <dt>Auto stop</dt>
          <dd>{warehouse.auto_stop_mins ? `After ${plural(warehouse.auto_stop_mins, 'minute')} without use` : 'Never'}</dd>
          <dt>Sessions</dt>
          <dd>{warehouse.num_active_sessions ?? 0}</dd>
          <dt>Creator</dt>
          <dd>{warehouse.creator_name ?? '–'}</dd>
          <dt>Tags</dt>
          <dd>{tags.length === 0 ? '–' : <Tags tags={tags} />}</dd>
        </dl>
      </div>
    </div>
  );
}

function Tags({ tags }: { tags: readonly Tag[] }) {
  return (
    <span className="tag-list">
      {tags.map(({ key, value }) => (
        <span key={key} className="badge">
          {value ? `${key}: ${value}` : key}
        </span>
      ))}
    </span>
  );
}
