/** Starts, stops, engines that came and went. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { listWarehouseEvents } from '../../api/compute';
import type { Warehouse, WarehouseEvent } from '../../api/types';
import { formatAgo, formatTime, plural } from '../../lib/format';
import { Button } from '../../ui/Button';
import { Icon, type IconName } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { formatAge } from '../compute/figures';

const REFRESH_MS = 5000;

const KINDS: Record<string, { label: string; icon: IconName; tone: string }> = {
  STARTING: { label: 'Starting', icon: 'play', tone: 'warn' },
  RUNNING: { label: 'Running', icon: 'check', tone: 'ok' },
  SCALED_UP: { label: 'An engine came', icon: 'up', tone: 'accent' },
  SCALED_DOWN: { label: 'An engine went', icon: 'down', tone: 'accent' },
  STOPPING: { label: 'Stopping', icon: 'stop', tone: 'warn' },
  STOPPED: { label: 'Stopped', icon: 'stop', tone: '' },
};

export function EventsCard({ warehouse }: { warehouse: Warehouse }) {
  const query = useInfiniteQuery({
    queryKey: ['warehouse-events', warehouse.id],
    queryFn: ({ pageParam, signal }) => listWarehouseEvents(warehouse.id, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_page_token || undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) === 1 ? REFRESH_MS : false),
  });
  const events = query.data?.pages.flatMap((page) => page.events);
  return (
    <section className="card" aria-label="Events">
      {events ? (
        events.length > 0 ? (
          <ol className="events">
            {events.map((event, index) => (
              <Event key={`${event.event_time} ${event.event_type}`} event={event} before={events[index + 1]} />
            ))}
          </ol>
        ) : (
          <EmptyState icon="history" title="Nothing happened yet">
            Starts and stops of this warehouse are kept for 30 days.
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

function Event({ event, before }: { event: WarehouseEvent; before: WarehouseEvent | undefined }) {
  const kind = KINDS[event.event_type] ?? { label: event.event_type, icon: 'info' as const, tone: '' };
  const took = event.event_type === 'RUNNING' && before?.event_type === 'STARTING' ? event.event_time - before.event_time : null;
  return (
    <li>
      <span className={`event-icon ${kind.tone}`}>
        <Icon name={kind.icon} />
      </span>
      <span className="event-text">
        <strong>{kind.label}</strong>
        <span className="muted">
          {event.cluster_count > 0 ? plural(event.cluster_count, 'engine') : 'No engine'}
          {took !== null && `, ready after ${took < 1000 ? `${took} ms` : formatAge(took)}`}
        </span>
      </span>
      <time dateTime={new Date(event.event_time).toISOString()} title={formatTime(event.event_time)} className="muted nowrap">
        {formatAgo(event.event_time)}
      </time>
    </li>
  );
}
