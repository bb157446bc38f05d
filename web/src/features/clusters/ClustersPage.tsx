/** Clusters: the list, the page of one, or the form of a new or changed one. */
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { ListedCluster } from '../../api/clusters';
import type { PageProps } from '../../app/App';
import { NotFound } from '../../app/NotFound';
import { useSession } from '../../app/session';
import { plural } from '../../lib/format';
import { Link, navigate, useLocation } from '../../lib/router';
import { Button } from '../../ui/Button';
import { SearchField } from '../../ui/Fields';
import { EmptyState, ErrorState, PageLoading, SkeletonRows } from '../../ui/States';
import { ComputeNav } from '../compute/ComputeNav';
import { Segments } from '../compute/Segments';
import { AskDialog } from './AskDialog';
import { ClusterDetail } from './ClusterDetail';
import { ClusterFormPage } from './ClusterFormPage';
import { ClusterTable, type Ask } from './ClusterTable';
import { filterClusters, type Shown } from './filter';
import { clustersQuery, runtimesQuery } from './queries';
import '../compute/compute.css';
import '../warehouses/warehouses.css';
import './clusters.css';

// Below the path of clusters, so that they cost the first view nothing: no cluster has such an id.
const BESIDE = {
  policies: lazy(() => import('./PoliciesPage')),
  pools: lazy(() => import('./PoolsPage')),
} as const;

export default function ClustersPage({ params }: PageProps) {
  const { id } = params;
  const Beside = id !== undefined && id in BESIDE ? BESIDE[id as keyof typeof BESIDE] : undefined;
  if (!Beside) return <Clusters params={params} />;
  return (
    <Suspense fallback={<PageLoading />}>
      <Beside params={params} />
    </Suspense>
  );
}

function Clusters({ params: { id, action } }: PageProps) {
  const query = useQuery(clustersQuery);
  const { search } = useLocation();
  const [asking, setAsking] = useState<{ cluster: ListedCluster; what: Parameters<Ask>[1] } | null>(null);
  const ask: Ask = (cluster, what) => setAsking({ cluster, what });
  if (action !== undefined && (action !== 'edit' || id === 'new')) return <NotFound />;
  const form = id === 'new' || action === 'edit';
  const from = id === 'new' ? search.get('from') : id;
  return (
    <div className="page">
      <div className="page-inner">
        {form ? (
          <ClusterFormPage key={`${id} ${from}`} list={query} edits={action === 'edit'} from={from ?? undefined} />
        ) : id ? (
          <One id={id} query={query} onAsk={ask} />
        ) : (
          <All query={query} onAsk={ask} />
        )}
      </div>
      {asking && <AskDialog {...asking} onClose={() => setAsking(null)} />}
    </div>
  );
}

export interface ListQuery {
  data: ListedCluster[] | undefined;
  error: unknown;
  refetch: () => unknown;
}

function One({ id, query, onAsk }: { id: string; query: ListQuery; onAsk: Ask }) {
  if (query.error && !query.data) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  return <ClusterDetail key={id} cluster={query.data && (query.data.find(({ cluster_id }) => cluster_id === id) ?? null)} onAsk={onAsk} />;
}

const SHOWN: readonly { key: Shown; label: string }[] = [
  { key: 'all', label: 'All' },
  { key: 'mine', label: 'Made by me' },
  { key: 'active', label: 'Active' },
  { key: 'pinned', label: 'Pinned' },
];

function All({ query, onAsk }: { query: ListQuery; onAsk: Ask }) {
  const [text, setText] = useState('');
  const [shown, setShown] = useState<Shown>('all');
  const runtimes = useQuery(runtimesQuery);
  const { user_name: me } = useSession();
  const list = useMemo(() => query.data && filterClusters(query.data, { text, shown, me }), [query.data, text, shown, me]);
  const create = (
    <Button variant="primary" icon="plus" onClick={() => navigate('/clusters/new')}>
      Create cluster
    </Button>
  );
  return (
    <>
      <ComputeNav />
      <header className="page-head">
        <div>
          <h1>Clusters</h1>
          <p>Hosts of their own for Python, Spark and SQL, in the workspace’s cloud account or on machines that joined it.</p>
        </div>
        <div className="actions">{create}</div>
      </header>
      <section className="card" aria-label="All clusters">
        <div className="card-head cluster-filter">
          <SearchField label="Name, creator or tag" small value={text} onChange={(event) => setText(event.target.value)} />
          <Segments label="Which clusters" items={SHOWN} active={shown} onSelect={setShown} />
          <span className="grow muted small filter-count" role="status">
            {list && query.data && (list.length < query.data.length ? `${list.length} of ${plural(query.data.length, 'cluster')}` : plural(list.length, 'cluster'))}
          </span>
        </div>
        {list && query.data ? (
          list.length > 0 ? (
            <ClusterTable list={list} runtimes={runtimes.data} onAsk={onAsk} />
          ) : query.data.length > 0 ? (
            <EmptyState
              icon="filter"
              title="No cluster fits"
              actions={
                <Button
                  onClick={() => {
                    setText('');
                    setShown('all');
                  }}
                >
                  Show all
                </Button>
              }
            >
              Another word, or another choice, may find it.
            </EmptyState>
          ) : (
            <EmptyState icon="host" title="No cluster" actions={create}>
              Create one to run Python and Spark on hosts of its own. For SQL alone, a <Link to="/warehouses">SQL warehouse</Link> starts faster.
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={4} columns={7} />
        )}
      </section>
    </>
  );
}
