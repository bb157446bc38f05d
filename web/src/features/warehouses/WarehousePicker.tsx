/** Chooses the warehouse, and shows its state. */
import { useId } from 'react';
import { navigate } from '../../lib/router';
import { titleCase } from '../../lib/format';
import { StateDot } from './StateBadge';
import { chooseWarehouse, useWarehouse } from './selection';
import './picker.css';

export function WarehousePicker({ small = true }: { small?: boolean }) {
  const { warehouse, list, error } = useWarehouse();
  const id = useId();
  const text = error ? 'Warehouses failed to load' : list ? 'No warehouse' : 'Loading…';
  return (
    <span className="warehouse-picker">
      <label htmlFor={id} className="visually-hidden">
        SQL warehouse
      </label>
      <StateDot state={warehouse?.state} />
      <select
        id={id}
        className={small ? 'select small' : 'select'}
        value={warehouse?.id ?? ''}
        disabled={!list}
        title={warehouse ? `${warehouse.name}: ${titleCase(warehouse.state)}` : text}
        onChange={(event) => (event.target.value === 'new' ? navigate('/warehouses') : chooseWarehouse(event.target.value))}
      >
        {!warehouse && <option value="">{text}</option>}
        {list?.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name} · {titleCase(one.state)}
          </option>
        ))}
        {list?.length === 0 && <option value="new">Create a warehouse…</option>}
      </select>
    </span>
  );
}
