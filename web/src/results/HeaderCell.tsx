/** A column's head: opens its panel, and has a handle to resize it by pointer or arrow keys. */
import { useRef, useState } from 'react';
import type { ResultColumn } from '../api/types';
import { Icon } from '../ui/Icon';
import type { ColumnKind } from './types';

const WIDTH_MIN = 48;
const WIDTH_MAX = 1600;
const KEY_STEP = 16;

interface Props {
  column: ResultColumn | undefined;
  index: number;
  kind: ColumnKind;
  left: number;
  width: number;
  sorted: 'ascending' | 'descending' | null;
  filtered: boolean;
  onResize: (width: number) => void;
  onOpen: (head: DOMRect) => void;
}

export function HeaderCell({ column, index, kind, left, width, sorted, filtered, onResize, onOpen }: Props) {
  const start = useRef({ x: 0, width: 0 });
  const [dragging, setDragging] = useState(false);
  const set = (next: number) => onResize(Math.round(Math.min(Math.max(next, WIDTH_MIN), WIDTH_MAX)));
  if (!column) return null;
  return (
    <div
      className={`grid-th ${kind}`}
      role="columnheader"
      aria-colindex={index + 1}
      aria-sort={sorted ?? 'none'}
      style={{ left, width }}
      title={`${column.name}: ${column.type_text}`}
    >
      <button
        type="button"
        tabIndex={-1}
        className="grid-open"
        aria-haspopup="dialog"
        onClick={(event) => onOpen(event.currentTarget.getBoundingClientRect())}
      >
        <span className="grid-name">{column.name}</span>
        <span className="grid-type">{column.type_text.toLowerCase()}</span>
        <span className="grid-marks" aria-hidden="true">
          {filtered && <Icon name="filter" />}
          <Icon name={sorted === 'ascending' ? 'up' : 'down'} className={sorted ? 'sorted' : ''} />
        </span>
      </button>
      <span
        role="separator"
        tabIndex={-1}
        aria-orientation="vertical"
        aria-label={`Resize ${column.name}`}
        aria-valuenow={width}
        className={dragging ? 'grid-handle dragging' : 'grid-handle'}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = { x: event.clientX, width };
          setDragging(true);
        }}
        onPointerMove={(event) => dragging && set(start.current.width + event.clientX - start.current.x)}
        onPointerUp={() => setDragging(false)}
        onPointerCancel={() => setDragging(false)}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
          event.preventDefault();
          event.stopPropagation();
          set(width + (event.key === 'ArrowRight' ? KEY_STEP : -KEY_STEP));
        }}
      />
    </div>
  );
}
