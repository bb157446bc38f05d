import type { HostInfo } from '../../api/types';
import { formatAgo, formatCount, formatTime, titleCase } from '../../lib/format';
import { Link } from '../../lib/router';
import { Icon } from '../../ui/Icon';
import { Menu, type MenuAction } from '../../ui/Menu';
import { TableWrap } from '../../ui/TableWrap';
import { formatCores, givenOf, shortBytes } from './figures';
import { IsolationBadge } from './IsolationBadge';
import { Meter } from './Meter';

export type HostAction = 'show' | 'drain' | 'resume' | 'forget';

const TONES: Record<HostInfo['state'], string> = { READY: 'ok', DRAINING: 'warn', LOST: 'danger' };

export function HostState({ state }: { state: HostInfo['state'] }) {
  return (
    <span className={`badge ${TONES[state]}`}>
      <span className={`dot ${state === 'READY' ? 'ok' : state === 'LOST' ? 'danger' : 'warn'}`} aria-hidden="true" />
      {titleCase(state)}
    </span>
  );
}

interface HostTableProps {
  list: readonly HostInfo[];
  onAction: (host: HostInfo, action: HostAction) => void;
}

export function HostTable({ list, onAction }: HostTableProps) {
  return (
    <TableWrap>
      <table className="plain host-table">
        <thead>
          <tr>
            <th>Host</th>
            <th>State</th>
            <th>Isolation</th>
            <th className="meter-column">CPU</th>
            <th className="meter-column">Memory</th>
            <th className="num">Sandboxes</th>
            <th className="wide-only">Agent</th>
            <th>Heartbeat</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((host) => (
            <tr key={host.id} className={host.state === 'LOST' ? 'lost' : ''}>
              <td>
                <Link to={`/hosts/${host.id}`} className="mono">
                  {host.id.slice(0, 13)}
                </Link>
                <Where host={host} />
              </td>
              <td>
                <HostState state={host.state} />
              </td>
              <td>
                <IsolationBadge isolation={host.isolation} reasons={host.isolation_reasons} />
              </td>
              <td>
                <CpuMeter host={host} />
              </td>
              <td>
                <MemoryMeter host={host} />
              </td>
              <td className="num">{formatCount(host.sandboxes.length)}</td>
              <td className="wide-only muted nowrap">{host.version}</td>
              <td className="nowrap" title={formatTime(host.last_seen_at)}>
                {formatAgo(host.last_seen_at)}
              </td>
              <td className="actions">
                <Menu label={`Actions for host ${host.id}`} actions={actions(host, onAction)}>
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

function actions(host: HostInfo, onAction: HostTableProps['onAction']): MenuAction[] {
  const of = (label: string, action: HostAction, icon: MenuAction['icon']): MenuAction => ({
    label,
    ...(icon ? { icon } : {}),
    onSelect: () => onAction(host, action),
  });
  const lost = host.state === 'LOST';
  return [
    of('Details', 'show', 'info'),
    host.draining ? of('Take sandboxes again', 'resume', 'play') : { ...of('Drain', 'drain', 'stop'), disabled: host.leaving },
    { ...of('Remove from the list', 'forget', 'trash'), danger: true, disabled: !lost },
  ];
}

export function Where({ host: { region, labels } }: { host: HostInfo }) {
  const known = Object.entries(labels);
  return (
    <span className="host-where">
      <span className="muted">{region || 'every region'}</span>
      {known.map(([key, value]) => (
        <span key={key} className="badge" title={`Label ${key}`}>
          {key}: {value}
        </span>
      ))}
    </span>
  );
}

interface MeterProps {
  host: HostInfo;
  /** Says too what was given away. */
  full?: boolean;
}

/** What the host has to do now, before what was given away of it. */
export function CpuMeter({ host, full = false }: MeterProps) {
  const given = givenOf(host).cpuMillis;
  if (host.state === 'LOST') return <span className="muted">{host.cpus} processors</span>;
  return (
    <Meter
      label={`CPU (${formatCores(given)} given away)`}
      value={(host.load1 ?? 0) * 1000}
      behind={given}
      max={host.cpus * 1000}
      calm
      text={`Load ${(host.load1 ?? 0).toFixed(1)} on ${host.cpus} CPU${full ? `, ${formatCores(given)} given away` : ''}`}
    />
  );
}

export function MemoryMeter({ host, full = false }: MeterProps) {
  const { memory_bytes: all, memory_available_bytes: free } = host;
  if (host.state === 'LOST') return <span className="muted">{shortBytes(all)}</span>;
  const used = free === undefined ? undefined : all - free;
  const given = givenOf(host).memory;
  return (
    <Meter
      label={`Memory (${shortBytes(given)} given away)`}
      value={used}
      behind={given}
      max={all}
      text={`${used === undefined ? '–' : shortBytes(used)} of ${shortBytes(all)}${full ? ` used, ${shortBytes(given)} given away` : ''}`}
    />
  );
}
