/** The result as a table: any number of rows and columns, only what is in view is drawn. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type KeyboardEvent } from 'react';
import { formatCount } from '../lib/format';
import { copyText } from '../lib/clipboard';
import { useElementSize } from '../lib/useElementSize';
import { Menu } from '../ui/Menu';
import { Icon } from '../ui/Icon';
import { toast } from '../ui/Toasts';
import { CellDialog } from './CellDialog';
import { rowAsText } from './csv';
import { HeaderCell } from './HeaderCell';
import { columnsInView, edgesOf, HEAD_HEIGHT, initialWidths, ROW_HEIGHT, rowsInView, scrollTo } from './layout';
import type { ResultSet } from './ResultSet';
import { kindOf } from './types';
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
  const [widths, setWidths] = useState(() => initialWidths(result.columns, (row) => result.row(row)));
  const kinds = useMemo(() => result.columns.map(kindOf), [result]);
  const gutter = Math.max(44, String(result.rowCount).length * 8 + 20);
  const edges = useMemo(() => edgesOf(widths), [widths]);
  const total = edges.at(-1) ?? 0;
  const geometry = rowsInView(result.rowCount, scroll.top, height);
  const view = columnsInView(edges, scroll.left, Math.max(0, width - gutter));
  const { from, to } = geometry.window;

  useEffect(() => {
    if (height > 0) void result.ensure(from, to);
  }, [result, from, to, height]);

  const moveTo = (cell: Cell) => {
    const next = {
      row: Math.max(0, Math.min(cell.row, result.rowCount - 1)),
      column: Math.max(0, Math.min(cell.column, result.columns.length - 1)),
    };
    setActive(next);
    const element = scroller.current;
    if (!element) return;
    const top = scrollTo(next.row, result.rowCount, element.scrollTop, height);
    if (top !== null) element.scrollTop = top;
    const left = edges[next.column] ?? 0;
    const right = edges[next.column + 1] ?? left;
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right + gutter > element.scrollLeft + width) element.scrollLeft = right + gutter - width;
  };
  const copyCell = (cell: Cell) => void copy(result.row(cell.row)?.[cell.column] ?? '', 'Cell copied');
  const copyRow = (row: number) => void copy(rowAsText(result.row(row) ?? []), 'Row copied');

  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === 'c' && !getSelection()?.toString()) {
      event.preventDefault();
      if (event.shiftKey) copyRow(active.row);
      else copyCell(active);
      return;
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      setOpened(active);
      return;
    }
    const target = keyTarget(event.key, command, active, result);
    if (!target) return;
    event.preventDefault();
    moveTo(target);
  };

  const visibleColumns = Array.from({ length: view.to - view.from }, (_, index) => view.from + index);
  const visibleRows = Array.from({ length: to - from }, (_, index) => from + index);
  return (
    <div className="grid-frame">
      <div
        className="grid-scroller"
        ref={(element) => {
          scroller.current = element;
          return sizeRef(element);
        }}
        role="grid"
        aria-label={label}
        aria-rowcount={result.rowCount + 1}
        aria-colcount={result.columns.length}
        aria-activedescendant={`cell-${result.statementId}-${active.row}-${active.column}`}
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
                onResize={(next) => setWidths((old) => old.map((value, at) => (at === index ? next : value)))}
              />
            ))}
          </div>
          {visibleRows.map((row) => {
            const values = result.row(row);
            return (
              <div
                key={row}
                className={`grid-row ${row % 2 ? 'odd' : ''} ${row === active.row ? 'active' : ''}`}
                role="row"
                aria-rowindex={row + 2}
                style={{ top: HEAD_HEIGHT + geometry.offset + (row - from) * ROW_HEIGHT, height: ROW_HEIGHT }}
              >
                <div className="grid-gutter" style={{ width: gutter }} aria-hidden="true">
                  {formatCount(row + 1)}
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
      {result.rowCount > 0 && (
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
      {opened && (
        <CellDialog
          column={result.columns[opened.column]}
          row={opened.row}
          value={result.row(opened.row)?.[opened.column]}
          kind={kinds[opened.column] ?? 'text'}
          onClose={() => setOpened(null)}
        />
      )}
    </div>
  );
}

function keyTarget(key: string, command: boolean, at: Cell, result: ResultSet): Cell | null {
  const last = { row: result.rowCount - 1, column: result.columns.length - 1 };
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
