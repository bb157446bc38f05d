/** The page of one cluster: how it is made, what it does now, what happened to it, who may use it. */
import { useQuery } from '@tanstack/react-query';
import type { ListedCluster } from '../../api/clusters';
import { formatAgo, formatTime } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { EmptyState, Skeleton } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { useTab } from '../catalog/useTab';
import { PermissionsCard } from '../warehouses/PermissionsCard';
import { ClusterMenu, nameOf, StartStop, type Ask } from './ClusterTable';
import { ConfigurationTab } from './ConfigurationTab';
import { EventsTab } from './EventsTab';
import { LibrariesTab } from './LibrariesTab';
import { LogTab } from './LogTab';
import { MetricsTab } from './MetricsTab';
import { runtimesQuery } from './queries';
import { StateBadge } from './StateBadge';
import { endingOf, may, modeText, runtimeText, sizeText } from './state';

const VIEWS: readonly TabItem<'configuration' | 'libraries' | 'log' | 'metrics' | 'events' | 'permissions'>[] = [
  { key: 'configuration', label: 'Configuration' },
  { key: 'libraries', label: 'Libraries' },
  { key: 'log', label: 'Driver log' },
  { key: 'metrics', label: 'Metrics' },
  { key: 'events', label: 'Event log' },
  { key: 'permissions', label: 'Permissions' },
];

interface DetailProps {
  /** Undefined: the list is not loaded; null: it is not in it. */
  cluster: ListedCluster | null | undefined;
  onAsk: Ask;
}

export function ClusterDetail({ cluster, onAsk }: DetailProps) {
  const [view, setView] = useTab(
    VIEWS.map(({ key }) => key),
    'configuration',
  );
  if (cluster === null) {
    return (
      <section className="card">
        <EmptyState icon="host" title="No such cluster" actions={<Link className="button" to="/clusters">All clusters</Link>}>
          It may have been deleted, or you may not see it.
        </EmptyState>
      </section>
    );
  }
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/clusters">Clusters</Link>
        <span>{cluster ? nameOf(cluster) : '…'}</span>
      </nav>
      <header className="page-head warehouse-head">
        <div>
          <h1>{cluster ? nameOf(cluster) : <Skeleton width={220} height={26} />}</h1>
          <div className="warehouse-facts">{cluster ? <Facts cluster={cluster} /> : <Skeleton width={280} height={22} />}</div>
        </div>
        {cluster && (
          <div className="actions">
            <StartStop cluster={cluster} large />
            <Button icon="edit" disabled={!may.edit(cluster)} onClick={() => navigate(`/clusters/${cluster.cluster_id}/edit`)}>
              Edit
            </Button>
            <ClusterMenu cluster={cluster} onAsk={onAsk} large />
          </div>
        )}
      </header>
      {cluster && <Ended cluster={cluster} />}
      <Tabs items={VIEWS} active={view} onSelect={setView} label={`About ${cluster ? nameOf(cluster) : 'the cluster'}`} idBase="cluster" />
      <div id="cluster-panel" role="tabpanel" aria-labelledby={`cluster-tab-${view}`} className="warehouse-panel">
        {!cluster && <Skeleton height={260} />}
        {cluster && view === 'configuration' && <ConfigurationTab cluster={cluster} />}
        {cluster && view === 'libraries' && <LibrariesTab cluster={cluster} />}
        {cluster && view === 'log' && <LogTab cluster={cluster} />}
        {cluster && view === 'metrics' && <MetricsTab cluster={cluster} />}
        {cluster && view === 'events' && <EventsTab cluster={cluster} />}
        {cluster && view === 'permissions' && (
          <section className="card" aria-label="Permissions">
            <PermissionsCard object={{ type: 'clusters', id: cluster.cluster_id }} name={nameOf(cluster)} />
          </section>
        )}
      </div>
    </>
  );
}

function Facts({ cluster }: { cluster: ListedCluster }) {
  const runtimes = useQuery(runtimesQuery);
  return (
    <>
      <StateBadge state={cluster.state} />
      <span>{runtimeText(cluster.spark_version, runtimes.data?.find(({ key }) => key === cluster.spark_version)?.name)}</span>
      <span>{sizeText(cluster)}</span>
      <span>{modeText(cluster.data_security_mode)}</span>
      {!cluster.termination_reason && cluster.state_message && <span>{cluster.state_message}</span>}
    </>
  );
}

/** Why it does not run any more. */
function Ended({ cluster: { state, termination_reason: reason, terminated_time: at } }: { cluster: ListedCluster }) {
  if (!reason || (state !== 'TERMINATED' && state !== 'TERMINATING' && state !== 'ERROR')) return null;
  const { title, text, failed } = endingOf(reason);
  return (
    <div className={`notice page-notice ${failed ? 'danger' : ''}`} role="status">
      <Icon name={failed ? 'warning' : 'info'} />
      <div>
        <strong>{title}</strong>
        {at !== undefined && (
          <span title={formatTime(at)} className={failed ? '' : 'muted'}>
            , {formatAgo(at)}
          </span>
        )}
        {text && <div>{text}</div>}
        {failed && <div className="small">Code {reason.code}. The event log has the details.</div>}
      </div>
    </div>
  );
}
