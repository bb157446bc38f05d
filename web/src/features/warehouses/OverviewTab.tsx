/** A warehouse at a glance: figures of now, the last hour, its engines, its configuration. */
import { useQuery } from '@tanstack/react-query';
import type { Tag, Warehouse } from '../../api/types';
import { formatCount, plural, titleCase } from '../../lib/format';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { formatCores, shortBytes } from '../compute/figures';
import { sandboxesQuery } from '../compute/queries';
import { SandboxTable } from '../compute/SandboxTable';
import { Tiles } from '../compute/Tiles';
import { StatementsChart } from './charts';
import { HOUR_MS, samplesQuery } from './samples';

export function OverviewTab({ warehouse }: { warehouse: Warehouse }) {
  return (
    <>
      <Now warehouse={warehouse} />
      <div className="overview-columns">
        <LastHour warehouse={warehouse} />
        <Configuration warehouse={warehouse} />
      </div>
      <Engines warehouse={warehouse} />
    </>
  );
}

function Now({ warehouse }: { warehouse: Warehouse }) {
  const { data } = useQuery(sandboxesQuery({ warehouse_id: warehouse.id }));
  const samples = useQuery(samplesQuery(warehouse.id, HOUR_MS));
  const add = (value: (one: NonNullable<typeof data>[number]) => number | undefined) => data?.reduce((sum, one) => sum + (value(one) ?? 0), 0) ?? 0;
  const queued = samples.data?.samples.at(-1)?.queued ?? 0;
  const max = add(({ statements_max }) => statements_max);
  return (
    <Tiles
      tiles={[
        { label: 'Engines', value: formatCount(warehouse.num_clusters ?? 0), note: `at most ${warehouse.max_num_clusters ?? 1}` },
        { label: 'Statements running', value: data && formatCount(add(({ statements }) => statements)), note: data && (max > 0 ? `of ${max} at a time` : 'Starts with the first') },
        { label: 'CPU in use', value: data && formatCores(add(({ cpu_cores }) => cpu_cores) * 1000), note: data && `of ${plural(add(({ cpu_millis }) => cpu_millis) / 1000, 'processor')}` },
        { label: 'Memory in use', value: data && shortBytes(add(({ memory_bytes }) => memory_bytes)), note: data && `of ${shortBytes(add(({ memory_bytes_max }) => memory_bytes_max))}` },
        { label: 'Sessions', value: formatCount(warehouse.num_active_sessions ?? 0), note: queued > 0 ? `${plural(queued, 'statement')} queued` : 'No queue' },
      ]}
    />
  );
}

function LastHour({ warehouse }: { warehouse: Warehouse }) {
  const query = useQuery(samplesQuery(warehouse.id, HOUR_MS));
  return (
    <section className="card card-body" aria-label="The last hour">
      {query.error ? <ErrorState error={query.error} retry={() => void query.refetch()} /> : <StatementsChart samples={query.data} periodMs={HOUR_MS} height={216} />}
    </section>
  );
}

function Configuration({ warehouse }: { warehouse: Warehouse }) {
  const tags = warehouse.tags.custom_tags ?? [];
  return (
    <section className="card" aria-label="Configuration">
      <div className="card-head">
        <h2>Configuration</h2>
      </div>
      <dl className="kv card-body overview-kv">
        <dt>Size</dt>
        <dd>{warehouse.cluster_size}</dd>
        <dt>Type</dt>
        <dd>
          {titleCase(warehouse.warehouse_type ?? 'PRO')}
          {warehouse.enable_serverless_compute ? ', serverless' : ''}
        </dd>
        <dt>Engines</dt>
        <dd>
          {warehouse.min_num_clusters ?? 1} to {warehouse.max_num_clusters ?? 1}
        </dd>
        <dt>Auto stop</dt>
        <dd>{warehouse.auto_stop_mins ? `After ${plural(warehouse.auto_stop_mins, 'minute')} without use` : 'Never'}</dd>
        <dt>Creator</dt>
        <dd>{warehouse.creator_name ?? '–'}</dd>
        <dt>Tags</dt>
        <dd>{tags.length === 0 ? '–' : <Tags tags={tags} />}</dd>
      </dl>
    </section>
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

function Engines({ warehouse }: { warehouse: Warehouse }) {
  const query = useQuery(sandboxesQuery({ warehouse_id: warehouse.id }));
  return (
    <section className="card" aria-label="Engines">
      <div className="card-head">
        <h2>Engines</h2>
        <span className="muted small">Each is a sandbox of its own.</span>
      </div>
      {query.data ? (
        query.data.length > 0 ? (
          <SandboxTable list={query.data} resource={false} />
        ) : (
          <EmptyState icon="warehouse" title="No engine runs">
            {warehouse.state === 'STOPPED' ? 'One starts with the first statement, in a moment.' : 'One is on its way.'}
          </EmptyState>
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={1} columns={7} />
      )}
    </section>
  );
}
