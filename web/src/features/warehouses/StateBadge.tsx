import type { WarehouseState } from '../../api/types';
import { titleCase } from '../../lib/format';

function tone(state: WarehouseState | undefined): string {
  if (state === 'RUNNING') return 'ok';
  return state === 'STARTING' || state === 'STOPPING' || state === 'DELETING' ? 'warn' : '';
}

export function StateDot({ state }: { state: WarehouseState | undefined }) {
  return <span className={`dot ${tone(state)}`} aria-hidden="true" />;
}

export function StateBadge({ state }: { state: WarehouseState }) {
  return (
    <span className={`badge ${tone(state)}`}>
      <StateDot state={state} />
      {titleCase(state)}
    </span>
  );
}
