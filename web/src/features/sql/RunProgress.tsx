/** What a running statement waits for. */
import { useWarehouse } from '../warehouses/selection';
import type { Run } from './runs';

export function RunProgress({ run }: { run: Run }) {
  const { list } = useWarehouse();
  const warehouse = list?.find(({ id }) => id === run.warehouseId);
  const starting = warehouse && warehouse.state !== 'RUNNING';
  const text =
    run.state === 'WAITING'
      ? 'Waits for the statement before it.'
      : run.state === 'RUNNING'
        ? 'Running…'
        : starting
          ? `Starting ${warehouse.name}…`
          : 'Submitted, waiting for the warehouse…';
  const percent = run.fraction ? Math.round(run.fraction * 100) : null;
  return (
    <div className="state" role="status">
      <div style={{ width: 180, height: 22, display: 'grid', alignItems: 'center', justifyItems: 'center' }}>
        {percent === null ? (
          <span className="spinner" style={{ width: 22, height: 22 }} aria-hidden="true" />
        ) : (
          <div
            className="progress"
            style={{ width: '100%' }}
            role="progressbar"
            aria-label="Read so far"
            aria-valuenow={percent}
            aria-valuemin={0}
            aria-valuemax={100}
          >
            <span style={{ width: `${percent}%` }} />
          </div>
        )}
      </div>
      <p>{text}</p>
      <p className="small">Esc cancels.</p>
    </div>
  );
}
