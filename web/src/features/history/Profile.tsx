/** The plan as a tree grid: operator, time as a bar, rows, bytes. */
import { useMemo, useRef, useState, type KeyboardEvent } from 'react';
import type { PlanNode } from '../../api/types';
import { formatBytes, formatCount, formatDuration } from '../../lib/format';
import { Icon } from '../../ui/Icon';
import { TableWrap } from '../../ui/TableWrap';
import { planRows, type PlanRow } from './plan';

export function Profile({ root }: { root: PlanNode }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState('0');
  const table = useRef<HTMLTableElement>(null);
  const rows = useMemo(() => planRows(root, closed), [root, closed]);
  const toggle = (row: PlanRow, open: boolean) => {
    const next = new Set(closed);
    if (open) next.delete(row.id);
    else next.add(row.id);
    setClosed(next);
  };
  const focus = (index: number) => {
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
    if (!row) return;
    setActive(row.id);
    table.current?.querySelector<HTMLElement>(`[data-plan="${row.id}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent, row: PlanRow, index: number) => {
    const open = row.hasChildren && !closed.has(row.id);
    const actions: Record<string, () => void> = {
      ArrowDown: () => focus(index + 1),
      ArrowUp: () => focus(index - 1),
      Home: () => focus(0),
      End: () => focus(rows.length - 1),
      ArrowRight: () => (row.hasChildren && !open ? toggle(row, true) : focus(index + 1)),
      ArrowLeft: () => (open ? toggle(row, false) : focus(rows.findIndex(({ id }) => id === row.id.replace(/\.\d+$/, '')))),
    };
    const act = actions[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  return (
    <TableWrap>
      <table className="plain plan" role="treegrid" aria-label="Plan profile" ref={table}>
        <thead>
          <tr>
            <th>Operator</th>
            <th>Time</th>
            <th className="num">Rows</th>
            <th className="num">Bytes</th>
            <th className="num">Spilled</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => {
            const { node } = row;
            const open = !closed.has(row.id);
            return (
              <tr
                key={row.id}
                data-plan={row.id}
                role="row"
                aria-level={row.depth + 1}
                aria-expanded={row.hasChildren ? open : undefined}
                tabIndex={row.id === active ? 0 : -1}
                onFocus={() => setActive(row.id)}
                onKeyDown={(event) => onKeyDown(event, row, index)}
              >
                <td style={{ paddingLeft: 12 + row.depth * 18 }}>
                  <div className="operator">
                  <button
                    type="button"
                    className="plan-toggle"
                    tabIndex={-1}
                    aria-label={open ? 'Close' : 'Open'}
                    style={{ visibility: row.hasChildren ? 'visible' : 'hidden' }}
                    onClick={() => toggle(row, !open)}
                  >
                    <Icon name="chevron" className={open ? 'open' : ''} />
                  </button>
                  <span>
                    <strong>{node.name}</strong>
                    {row.detail && (
                      <span className="plan-detail" title={row.detail}>
                        {row.detail}
                      </span>
                    )}
                  </span>
                  </div>
                </td>
                <td className="time">
                  <span className="plan-bar" aria-hidden="true">
                    <span style={{ width: `${Math.max(row.share > 0 ? 1 : 0, row.share * 100)}%` }} />
                  </span>
                  <span className="num">{formatDuration(node.elapsed_ms)}</span>
                </td>
                <td className="num">{formatCount(node.rows)}</td>
                <td className="num nowrap">{node.bytes ? formatBytes(node.bytes) : '–'}</td>
                <td className="num nowrap">{node.spilled_bytes ? formatBytes(node.spilled_bytes) : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableWrap>
  );
}
