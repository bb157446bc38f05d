/** The event log of a cluster, as it grows. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { listClusterEvents, type ListedCluster } from '../../api/clusters';
import type { ClusterEvent } from '../../api/types';
import { formatAgo, formatTime } from '../../lib/format';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { detailsOf, kindOf } from './events';
import { moves } from './state';

const MOVING_MS = 1500;
const SETTLED_MS = 5000;

export function EventsTab({ cluster }: { cluster: ListedCluster }) {
  const query = useInfiniteQuery({
    queryKey: ['cluster-events', cluster.cluster_id],
    queryFn: ({ pageParam, signal }) => listClusterEvents(cluster.cluster_id, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_page_token || undefined,
    // Older pages do not change: once they are shown, the newest is asked for by hand.
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) > 1 ? false : moves(cluster.state) ? MOVING_MS : SETTLED_MS),
  });
  const events = query.data?.pages.flatMap((page) => page.events);
  return (
    <section className="card" aria-label="Event log">
      {events ? (
        events.length > 0 ? (
          <ol className="events">
            {events.map((event, index) => (
              <Event key={`${event.timestamp} ${event.type} ${events.length - index}`} event={event} />
            ))}
          </ol>
        ) : (
          <EmptyState icon="history" title="Nothing happened yet">
            What happens to the cluster and its hosts is kept here.
          </EmptyState>
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={6} columns={3} />
      )}
      {query.hasNextPage && (
        <div className="load-more">
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Load more
          </Button>
        </div>
      )}
    </section>
  );
}

function Event({ event }: { event: ClusterEvent }) {
  const { label, icon, tone } = kindOf(event.type);
  return (
    <li>
      <span className={`event-icon ${tone}`}>
        <Icon name={icon} />
      </span>
      <div className="event-text">
        <strong>{label}</strong>
        <span className="muted">{detailsOf(event)}</span>
        {Object.keys(event.details).length > 0 && (
          <details className="event-details">
            <summary>Details</summary>
            <pre className="code-block" tabIndex={0}>
              {JSON.stringify(event.details, null, 2)}
            </pre>
          </details>
        )}
      </div>
      <time dateTime={new Date(event.timestamp).toISOString()} title={formatTime(event.timestamp)} className="muted nowrap">
        {formatAgo(event.timestamp)}
      </time>
    </li>
  );
}
