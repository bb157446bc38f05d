/** Attempts by destination, with the reason and what would change it. */
import { useQuery } from '@tanstack/react-query';
import { warehousesQuery } from '../../app/data';
import type { AccessOutcome } from '../../api/types';
import { formatAgo, formatCount, formatTime } from '../../lib/format';
import { Link } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { TableWrap } from '../../ui/TableWrap';
import type { AccessGroup } from './accesses';
import { hintOf, type Hint } from './policy';

export const OUTCOMES: Record<AccessOutcome, { label: string; tone: string }> = {
  DENIED: { label: 'Denied', tone: 'danger' },
  DRY_RUN: { label: 'Dry run', tone: 'warn' },
  ALLOWED: { label: 'Allowed', tone: 'ok' },
};

interface AccessTableProps {
  groups: readonly AccessGroup[];
  onAllow: ((hint: Hint) => void) | null;
}

export function AccessTable({ groups, onAllow }: AccessTableProps) {
  return (
    <TableWrap>
      <table className="plain access-table">
        <thead>
          <tr>
            <th>Destination</th>
            <th>Outcome</th>
            <th className="access-why">Why, and what would help</th>
            <th>By</th>
            <th className="num">Times</th>
            <th>Last</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => (
            <Row key={group.key} group={group} onAllow={onAllow} />
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

function Row({ group, onAllow }: { group: AccessGroup; onAllow: AccessTableProps['onAllow'] }) {
  const { last, count, first } = group;
  const { label, tone } = OUTCOMES[last.outcome];
  const hint = last.outcome === 'ALLOWED' ? null : hintOf(last);
  return (
    <tr>
      <td>
        <span className="resource">
          <Icon name={last.destination_type === 'STORAGE' ? 'volume' : 'network'} />
          <span>
            <span className="destination">{last.destination}</span>
            <span className="resource-note where" title={where(group)}>
              {where(group)}
            </span>
          </span>
        </span>
      </td>
      <td>
        <span className={`badge ${tone}`}>{label}</span>
      </td>
      <td>
        <span className="access-reason">{sentence(last.reason)}</span>
        {hint && <span className="resource-note">{hint.text}</span>}
      </td>
      <td>
        <By group={group} />
      </td>
      <td className="num">{formatCount(count)}</td>
      <td className="nowrap" title={count > 1 ? `${formatTime(first)} to ${formatTime(last.event_time)}` : formatTime(last.event_time)}>
        {formatAgo(last.event_time)}
      </td>
      <td className="actions">
        {hint?.rule && onAllow && (
          <Button small onClick={() => onAllow(hint)} aria-label={`Allow ${hint.value}`}>
            Allow…
          </Button>
        )}
      </td>
    </tr>
  );
}

function where({ last, ports }: AccessGroup): string {
  if (last.destination_type === 'STORAGE') return last.path && last.path !== '/' ? `Storage, ${last.path}` : 'Storage';
  const kind = last.destination_type === 'IP' ? 'Address' : 'Internet';
  return ports.length > 0 ? `${kind}, port ${ports.join(', ')}` : kind;
}

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function By({ group: { warehouses, code } }: { group: AccessGroup }) {
  const { data } = useQuery(warehousesQuery);
  const name = (id: string) => data?.find((one) => one.id === id)?.name;
  return (
    <span className="by">
      {warehouses.map((id) =>
        name(id) ? (
          <Link key={id} to={`/warehouses/${id}`}>
            {name(id)}
          </Link>
        ) : (
          <span key={id} className="muted">
            A warehouse that is gone
          </span>
        ),
      )}
      {code && <span>Code of users</span>}
    </span>
  );
}
