/** Where a query's time went, as one bar and its figures. */
import type { QueryInfo } from '../../api/types';
import { formatDuration } from '../../lib/format';

export interface Phase {
  name: string;
  ms: number;
}

/** The phases known to the server; what they leave of the total is waiting. */
export function phasesOf(info: QueryInfo): { total: number | undefined; phases: Phase[] } {
  const metrics = info.metrics ?? {};
  const total = metrics.total_time_ms ?? info.duration;
  const known: Phase[] = [
    { name: 'Compiling', ms: metrics.compilation_time_ms ?? 0 },
    { name: 'Executing', ms: metrics.execution_time_ms ?? 0 },
    { name: 'Fetching results', ms: metrics.result_fetch_time_ms ?? 0 },
  ];
  const sum = known.reduce((all, phase) => all + phase.ms, 0);
  const waiting = Math.max(0, (total ?? 0) - sum);
  return { total, phases: [{ name: 'Waiting and scheduling', ms: waiting }, ...known] };
}

export function Timings({ info }: { info: QueryInfo }) {
  const { total, phases } = phasesOf(info);
  const scale = Math.max(1, phases.reduce((all, phase) => all + phase.ms, 0));
  return (
    <div className="timings">
      <div className="row">
        <strong className="total">{formatDuration(total)}</strong>
        <span className="muted">in all</span>
      </div>
      <div className="time-bar" aria-hidden="true">
        {phases.map((phase, index) => (
          <span key={phase.name} style={{ width: `${(phase.ms / scale) * 100}%`, background: `var(--series-${[8, 3, 1, 4][index]})` }} />
        ))}
      </div>
      <dl className="kv">
        {phases.map((phase, index) => (
          <div key={phase.name} className="kv-row">
            <dt>
              <span className="swatch" style={{ background: `var(--series-${[8, 3, 1, 4][index]})` }} />
              {phase.name}
            </dt>
            <dd className="num">{formatDuration(phase.ms)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
