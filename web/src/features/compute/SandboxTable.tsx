/** Sandboxes with what they are for, how well they are kept apart, and what they use. */
import { useState } from 'react';
import type { Sandbox } from '../../api/types';
import { formatTime, titleCase } from '../../lib/format';
import { Link } from '../../lib/router';
import { Icon } from '../../ui/Icon';
import { TableWrap } from '../../ui/TableWrap';
import { bytesOf, cpuText, formatAge, memoryText, shortBytes } from './figures';
import { IsolationBadge } from './IsolationBadge';
import { Meter } from './Meter';
import { SandboxDialog } from './SandboxDialog';

const TONES: Record<Sandbox['state'], string> = { RUNNING: 'ok', STARTING: 'warn', DRAINING: 'warn', LOST: 'danger' };

export function SandboxState({ state }: { state: Sandbox['state'] }) {
  return (
    <span className={`badge ${TONES[state]}`}>
      <span className={`dot ${TONES[state]}`} aria-hidden="true" />
      {titleCase(state)}
    </span>
  );
}

interface SandboxTableProps {
  list: readonly Sandbox[];
  /** On the page of one warehouse there is nothing to say of it. */
  resource?: boolean;
  workspace?: boolean;
}

export function SandboxTable({ list, resource = true, workspace = false }: SandboxTableProps) {
  const [openId, setOpenId] = useState<string | null>(null);
  const open = list.find(({ sandbox_id }) => sandbox_id === openId);
  const now = Date.now();
  return (
    <TableWrap>
      <table className="plain sandbox-table">
        <thead>
          <tr>
            {resource ? <th>Runs for</th> : <th>Engine</th>}
            {workspace && <th>Workspace</th>}
            <th>State</th>
            <th>Isolation</th>
            <th className="meter-column">CPU</th>
            <th className="meter-column">Memory</th>
            <th className="num">Traffic</th>
            <th className="num">Denied</th>
            <th className="num">Age</th>
            <th>
              <span className="visually-hidden">Details</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={one.sandbox_id}>
              <td>{resource ? <Resource sandbox={one} /> : <EngineName sandbox={one} />}</td>
              {workspace && <td className="nowrap muted">{one.workspace_id}</td>}
              <td>
                <SandboxState state={one.state} />
              </td>
              <td>
                <IsolationBadge isolation={one.isolation} reasons={one.isolation_reasons} />
              </td>
              <td>
                <Meter label="CPU" calm value={(one.cpu_cores ?? 0) * 1000} max={one.cpu_millis} text={cpuText(one.cpu_cores, one.cpu_millis)} />
              </td>
              <td>
                <Meter label="Memory" value={one.memory_bytes} max={one.memory_bytes_max} text={memoryText(one.memory_bytes, one.memory_bytes_max)} />
              </td>
              <td className="num nowrap">
                <Traffic sandbox={one} />
              </td>
              <td className="num">
                <Denied sandbox={one} />
              </td>
              <td className="num nowrap" title={formatTime(one.created_at)}>
                {formatAge(now - one.created_at)}
              </td>
              <td className="actions">
                <button
                  type="button"
                  className="button ghost icon small"
                  aria-label={`Details of sandbox ${one.sandbox_id}`}
                  title="Details"
                  onClick={() => setOpenId(one.sandbox_id)}
                >
                  <Icon name="info" />
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {open && <SandboxDialog sandbox={open} onClose={() => setOpenId(null)} />}
    </TableWrap>
  );
}

function Resource({ sandbox }: { sandbox: Sandbox }) {
  const engine = sandbox.kind === 'ENGINE';
  return (
    <span className="resource">
      <Icon name={engine ? 'warehouse' : 'code'} />
      <span>
        {engine ? (
          <Link to={`/warehouses/${sandbox.warehouse_id}`}>{sandbox.warehouse_name ?? sandbox.warehouse_id}</Link>
        ) : (
          <span className="nowrap">{sandbox.user_name ?? 'A user'}</span>
        )}
        <span className="resource-note">{engine ? statements(sandbox) : 'Python code'}</span>
      </span>
    </span>
  );
}

const statements = ({ statements: running = 0, statements_max = 0 }: Sandbox) =>
  statements_max > 0 ? `${running} of ${statements_max} statements` : 'SQL engine';

function EngineName({ sandbox }: { sandbox: Sandbox }) {
  return (
    <span className="resource">
      <Icon name="warehouse" />
      <span>
        <code>{sandbox.sandbox_id.slice(0, 12)}</code>
        <span className="resource-note">{statements(sandbox)}</span>
      </span>
    </span>
  );
}

function Traffic({ sandbox: { egress, storage } }: { sandbox: Sandbox }) {
  if (!egress && !storage) return <span className="muted">–</span>;
  const [sent, received] = bytesOf([egress, storage]);
  return (
    <span className="traffic" title="Received and sent, since it began">
      <span className="visually-hidden">received </span>
      <span aria-hidden="true">↓</span> {shortBytes(received)}
      <span className="visually-hidden">, sent </span>
      <span aria-hidden="true"> ↑</span> {shortBytes(sent)}
    </span>
  );
}

function Denied({ sandbox: { sandbox_id, egress, storage } }: { sandbox: Sandbox }) {
  if (!egress && !storage) return <span className="muted">–</span>;
  const denied = (egress?.denied ?? 0) + (storage?.denied ?? 0);
  if (denied === 0) return <span className="muted">0</span>;
  return (
    <Link to={`/network?sandbox=${sandbox_id}`} className="denied-count" title="Show what was refused">
      {denied}
    </Link>
  );
}
