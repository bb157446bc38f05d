import type { Warehouse } from '../../api/types';
import { formatCount, plural } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { TableWrap } from '../../ui/TableWrap';
import { StateBadge } from './StateBadge';
import { useWarehouseActions } from './useWarehouseActions';

interface TableProps {
  list: readonly Warehouse[];
  onEdit: (warehouse: Warehouse) => void;
  onDelete: (warehouse: Warehouse) => void;
}

export function WarehouseTable({ list, onEdit, onDelete }: TableProps) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>State</th>
            <th>Size</th>
            <th className="num">Engines</th>
            <th className="num">Sessions</th>
            <th>Auto stop</th>
            <th className="wide-only">Creator</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={one.id}>
              <td>
                <Link to={`/warehouses/${one.id}`}>{one.name}</Link>
              </td>
              <td>
                <StateBadge state={one.state} />
              </td>
              <td className="nowrap">{one.cluster_size}</td>
              <td className="num">
                {formatCount(one.num_clusters)} <span className="muted">of {formatCount(one.max_num_clusters)}</span>
              </td>
              <td className="num">{formatCount(one.num_active_sessions)}</td>
              <td className="nowrap">{one.auto_stop_mins ? plural(one.auto_stop_mins, 'minute') : 'Never'}</td>
              <td className="muted wide-only">{one.creator_name ?? '–'}</td>
              <td className="actions">
                <StartStop warehouse={one} />
                <Menu
                  label={`Actions for ${one.name}`}
                  actions={[
                    { label: 'Connection details', icon: 'info', onSelect: () => navigate(`/warehouses/${one.id}?tab=connection`) },
                    { label: 'Monitoring', icon: 'chart', onSelect: () => navigate(`/warehouses/${one.id}?tab=monitoring`) },
                    { label: 'Edit', icon: 'edit', onSelect: () => onEdit(one) },
                    { label: 'Delete', icon: 'trash', danger: true, onSelect: () => onDelete(one) },
                  ]}
                >
                  <Icon name="more" />
                </Menu>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

export function StartStop({ warehouse, large = false }: { warehouse: Warehouse; large?: boolean }) {
  const { start, stop } = useWarehouseActions();
  const { id, name, state } = warehouse;
  if (state === 'STOPPED' || state === 'STOPPING') {
    return (
      <Button
        small={!large}
        icon="play"
        className="start-stop"
        busy={start.isPending}
        disabled={state === 'STOPPING'}
        aria-label={`Start ${name}`}
        onClick={() => start.mutate(id)}
      >
        Start
      </Button>
    );
  }
  const movable = state === 'RUNNING' || state === 'STARTING';
  return (
    <Button
      small={!large}
      icon="stop"
      className="start-stop"
      busy={stop.isPending}
      disabled={!movable}
      aria-label={`Stop ${name}`}
      onClick={() => stop.mutate(id)}
    >
      Stop
    </Button>
  );
}
