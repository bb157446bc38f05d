/** Where a query's time went, as one bar and its figures. */
import type { QueryInfo } from '../../api/types';
import { formatDuration } from '../../lib/format';

export interface Phase {
  name: string;
  ms: number;
  color: string;
}

/** The phases known to the server; what they leave of the total is the rest. */
export function phasesOf(info: Pick<QueryInfo, 'metrics' | 'duration'>): { total: number | undefined; phases: Phase[] } {
  const metrics = info.metrics ?? {};
  const total = metrics.total_time_ms ?? info.duration;
  const known: Phase[] = [
    { name: 'Starting the warehouse', ms: metrics.provisioning_queue_time_ms ?? 0, color: 'var(--series-6)' },
    { name: 'Waiting for a free place', ms: metrics.overloading_queue_time_ms ?? 0, color: 'var(--series-2)' },
    { name: 'Compiling', ms: metrics.compilation_time_ms ?? 0, color: 'var(--series-3)' },
    { name: 'Executing', ms: metrics.execution_time_ms ?? 0, color: 'var(--series-1)' },
  ];
  const sum = known.reduce((all, phase) => all + phase.ms, 0);
  const rest = { name: 'Anything else', ms: Math.max(0, (total ?? 0) - sum), color: 'var(--series-8)' };
  return { total, phases: [...known, rest] };
}

export function Timings({ info }: { info: QueryInfo }) {
  const { total, phases } = phasesOf(info);
  const scale = Math.max(
    1,
    phases.reduce((all, phase) => all + phase.ms, 0),
  );
  return (
    <div className="timings">
      <div className="row">
        <strong className="total">{formatDuration(total)}</strong>
        <span className="muted">in all</span>
      </div>
      <div className="time-bar" aria-hidden="true">
        {phases.map(({ name, ms, color }) => (
          <span key={name} style={{ width: `${(ms / scale) * 100}%`, background: color }} />
        ))}
      </div>
      <dl className="kv">
        {phases.map(({ name, ms, color }) => (
          <div key={name} className="kv-row">
            <dt>
              <span className="swatch" style={{ background: color }} />
              {name}
            </dt>
            <dd className="num">{formatDuration(ms)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
