/** The result as a table: any number of rows and columns, only what is in view is drawn. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type KeyboardEvent } from 'react';
import { formatCount, plural } from '../lib/format';
import { copyText } from '../lib/clipboard';
import { useElementSize } from '../lib/useElementSize';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Menu } from '../ui/Menu';
import { toast } from '../ui/Toasts';
import { CellDialog } from './CellDialog';
import { ColumnPanel } from './ColumnPanel';
import { rowAsText } from './export';
import { HeaderCell } from './HeaderCell';
import { columnsInView, edgesOf, HEAD_HEIGHT, initialWidths, ROW_HEIGHT, rowsInView, scrollTo } from './layout';
import type { ResultSet } from './ResultSet';
import { kindOf } from './types';
import { useArrangement, type Arranged } from './useArrangement';
import './grid.css';

interface Cell {
  row: number;
  column: number;
}

const PAGE_ROWS = 20;

export function DataGrid({ result, label }: { result: ResultSet; label: string }) {
  useSyncExternalStore(result.subscribe, result.version);
  const [sizeRef, width, height] = useElementSize();
  const scroller = useRef<HTMLDivElement | null>(null);
  const [scroll, setScroll] = useState({ top: 0, left: 0 });
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [opened, setOpened] = useState<Cell | null>(null);
  const [panel, setPanel] = useState<{ column: number; anchor: { left: number; bottom: number } } | null>(null);
  const arranged = useArrangement(result);
  const { count } = arranged;
  const [widths, setWidths] = useState(() => initialWidths(result.columns, (row) => result.row(row)));
  const kinds = useMemo(() => result.columns.map(kindOf), [result]);
  const gutter = Math.max(44, String(result.rowCount).length * 8 + 20);
  const edges = useMemo(() => edgesOf(widths), [widths]);
  const total = edges.at(-1) ?? 0;
  const geometry = rowsInView(count, scroll.top, height);
  const view = columnsInView(edges, scroll.left, Math.max(0, width - gutter));
  const { from, to } = geometry.window;

  useEffect(() => {
    if (height > 0) void result.ensure(from, Math.min(to, result.rowCount));
  }, [result, from, to, height]);
  const { spec } = arranged;
  useEffect(() => {
    setActive((cell) => ({ ...cell, row: 0 }));
    if (scroller.current) scroller.current.scrollTop = 0;
  }, [spec]);

  const moveTo = (cell: Cell) => {
    const next = {
      row: Math.max(0, Math.min(cell.row, count - 1)),
      column: Math.max(0, Math.min(cell.column, result.columns.length - 1)),
    };
    setActive(next);
    const element = scroller.current;
    if (!element) return;
    const top = scrollTo(next.row, count, element.scrollTop, height);
    if (top !== null) element.scrollTop = top;
    const left = edges[next.column] ?? 0;
    const right = edges[next.column + 1] ?? left;
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right + gutter > element.scrollLeft + width) element.scrollLeft = right + gutter - width;
  };
  const copyCell = (cell: Cell) => void copy(arranged.row(cell.row)?.[cell.column] ?? '', 'Cell copied');
  const copyRow = (row: number) => void copy(rowAsText(arranged.row(row) ?? []), 'Row copied');

  const openPanel = (column: number, { left, bottom }: { left: number; bottom: number }) => {
    setPanel({ column, anchor: { left, bottom } });
  };
  const closePanel = () => {
    setPanel(null);
    scroller.current?.focus({ preventScroll: true });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === 'c' && !getSelection()?.toString()) {
      event.preventDefault();
      if (event.shiftKey) copyRow(active.row);
      else copyCell(active);
      return;
    }
    if ((event.altKey && event.key === 'ArrowDown') || event.key === 'ContextMenu') {
      event.preventDefault();
      const box = event.currentTarget.getBoundingClientRect();
      openPanel(active.column, { left: box.left + gutter + (edges[active.column] ?? 0) - scroll.left, bottom: box.top + HEAD_HEIGHT });
      return;
    }
    if (event.key === 'Enter' && count > 0) {
      event.preventDefault();
      setOpened(active);
      return;
    }
    const target = keyTarget(event.key, command, active, { row: count - 1, column: result.columns.length - 1 });
    if (!target) return;
    event.preventDefault();
    moveTo(target);
  };

  const visibleColumns = Array.from({ length: view.to - view.from }, (_, index) => view.from + index);
  const visibleRows = Array.from({ length: to - from }, (_, index) => from + index);
  return (
    <div className="grid-frame">
      <ArrangementBar result={result} arranged={arranged} />
      <div className="grid-pane">
        <div
          className="grid-scroller"
          ref={(element) => {
            scroller.current = element;
            return sizeRef(element);
          }}
          role="grid"
          aria-label={label}
          aria-rowcount={count + 1}
          aria-colcount={result.columns.length}
          aria-activedescendant={active.row >= from && active.row < to ? `cell-${result.statementId}-${active.row}-${active.column}` : undefined}
          tabIndex={0}
          onScroll={(event) => setScroll({ top: event.currentTarget.scrollTop, left: event.currentTarget.scrollLeft })}
          onKeyDown={onKeyDown}
        >
          <div className="grid-canvas" style={{ width: total + gutter, height: geometry.total + HEAD_HEIGHT }}>
            <div className="grid-head" role="row" aria-rowindex={1} style={{ height: HEAD_HEIGHT }}>
              <div className="grid-gutter" style={{ width: gutter, height: HEAD_HEIGHT }} aria-hidden="true" />
              {visibleColumns.map((index) => (
                <HeaderCell
                  key={index}
                  column={result.columns[index]}
                  index={index}
                  kind={kinds[index] ?? 'text'}
                  left={gutter + (edges[index] ?? 0)}
                  width={widths[index] ?? 0}
                  sorted={spec.sort?.column === index ? (spec.sort.descending ? 'descending' : 'ascending') : null}
                  filtered={spec.filters.has(index)}
                  onOpen={(head) => openPanel(index, head)}
                  onResize={(next) => setWidths((old) => old.map((value, at) => (at === index ? next : value)))}
                />
              ))}
            </div>
            {visibleRows.map((row) => {
              const values = arranged.row(row);
              return (
                <div
                  key={row}
                  className={`grid-row ${row % 2 ? 'odd' : ''} ${row === active.row ? 'active' : ''}`}
                  role="row"
                  aria-rowindex={row + 2}
                  style={{ top: HEAD_HEIGHT + geometry.offset + (row - from) * ROW_HEIGHT, height: ROW_HEIGHT }}
                >
                  <div className="grid-gutter" style={{ width: gutter }} aria-hidden="true">
                    {formatCount(arranged.source(row) + 1)}
                  </div>
                  {visibleColumns.map((column) => {
                    const value = values?.[column];
                    const selected = row === active.row && column === active.column;
                    return (
                      <div
                        key={column}
                        id={`cell-${result.statementId}-${row}-${column}`}
                        role="gridcell"
                        aria-colindex={column + 1}
                        aria-selected={selected}
                        className={`grid-cell ${kinds[column] ?? 'text'} ${selected ? 'selected' : ''} ${value === null ? 'null' : ''}`}
                        style={{ left: gutter + (edges[column] ?? 0), width: widths[column] }}
                        onMouseDown={() => setActive({ row, column })}
                        onDoubleClick={() => setOpened({ row, column })}
                      >
                        {values === undefined ? <span className="skeleton grid-wait" /> : value === null ? 'NULL' : value}
                      </div>
                    );
                  })}
                </div>
              );
            })}
          </div>
        </div>
        {count > 0 && (
          <div className="grid-actions">
            <Menu
              label="Cell and row actions"
              align="start"
              actions={[
                { label: 'Copy cell', icon: 'copy', onSelect: () => copyCell(active) },
                { label: 'Copy row', icon: 'copy', onSelect: () => copyRow(active.row) },
                { label: 'Show whole cell', icon: 'search', onSelect: () => setOpened(active) },
              ]}
            >
              <Icon name="more" />
            </Menu>
          </div>
        )}
        {count === 0 && arranged.spec.filters.size > 0 && <p className="grid-none">No row passes the filters.</p>}
      </div>
      {panel && <ColumnPanel key={panel.column} result={result} index={panel.column} arranged={arranged} anchor={panel.anchor} onClose={closePanel} />}
      {opened && (
        <CellDialog
          column={result.columns[opened.column]}
          row={arranged.source(opened.row)}
          value={arranged.row(opened.row)?.[opened.column]}
          kind={kinds[opened.column] ?? 'text'}
          onClose={() => setOpened(null)}
        />
      )}
    </div>
  );
}

/** What is sorted and filtered, with a way back. */
function ArrangementBar({ result, arranged }: { result: ResultSet; arranged: Arranged }) {
  const { spec, waiting } = arranged;
  if (!spec.sort && spec.filters.size === 0) return null;
  const name = (index: number) => result.columns[index]?.name ?? '';
  return (
    <div className="grid-bar" role="status">
      {spec.sort && <span className="badge accent">{`${name(spec.sort.column)} ${spec.sort.descending ? 'descending' : 'ascending'}`}</span>}
      {[...spec.filters].map(([index, text]) => (
        <span key={index} className="badge accent">
          {/^([!<>=]|null$|not null$)/i.test(text.trim()) ? `${name(index)} ${text.trim()}` : `${name(index)} has “${text.trim()}”`}
        </span>
      ))}
      <span className="grow muted small">
        {waiting ? 'Loading all rows…' : `${formatCount(arranged.count)} of ${plural(result.rowCount, 'row')}`}
      </span>
      <Button small variant="ghost" icon="close" onClick={arranged.clear}>
        Clear
      </Button>
    </div>
  );
}

function keyTarget(key: string, command: boolean, at: Cell, last: Cell): Cell | null {
  switch (key) {
    case 'ArrowDown':
      return { row: command ? last.row : at.row + 1, column: at.column };
    case 'ArrowUp':
      return { row: command ? 0 : at.row - 1, column: at.column };
    case 'ArrowRight':
      return { row: at.row, column: command ? last.column : at.column + 1 };
    case 'ArrowLeft':
      return { row: at.row, column: command ? 0 : at.column - 1 };
    case 'PageDown':
      return { row: at.row + PAGE_ROWS, column: at.column };
    case 'PageUp':
      return { row: at.row - PAGE_ROWS, column: at.column };
    case 'Home':
      return { row: command ? 0 : at.row, column: 0 };
    case 'End':
      return { row: command ? last.row : at.row, column: last.column };
    default:
      return null;
  }
}

async function copy(text: string, done: string): Promise<void> {
  if (await copyText(text)) toast(done);
  else toast('The browser refused the clipboard. Select the text and copy it.', 'danger');
}
