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
  return (
    <div className="state" role="status">
      <span className="spinner" style={{ width: 22, height: 22 }} aria-hidden="true" />
      <p>{text}</p>
      <p className="small">Esc cancels.</p>
    </div>
  );
}
