/** A bar between two panes, moved by pointer or arrow keys. */
import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

interface SplitterProps {
  orientation: 'vertical' | 'horizontal';
  label: string;
  value: number;
  min: number;
  max: number;
  onChange: (value: number) => void;
  /** The pane stands behind the bar, so moving forward makes it smaller. */
  reverse?: boolean;
}

const KEY_STEP = 16;

export function Splitter({ orientation, label, value, min, max, onChange, reverse = false }: SplitterProps) {
  const [dragging, setDragging] = useState(false);
  const start = useRef({ at: 0, value: 0 });
  const clamp = (next: number) => Math.round(Math.min(Math.max(next, min), Math.max(min, max)));
  const position = (event: PointerEvent) => (orientation === 'vertical' ? event.clientX : event.clientY);
  const sign = reverse ? -1 : 1;
  const onKeyDown = (event: KeyboardEvent) => {
    const forward = orientation === 'vertical' ? 'ArrowRight' : 'ArrowDown';
    const back = orientation === 'vertical' ? 'ArrowLeft' : 'ArrowUp';
    if (event.key !== forward && event.key !== back) return;
    event.preventDefault();
    onChange(clamp(value + sign * (event.key === forward ? KEY_STEP : -KEY_STEP)));
  };
  return (
    <div
      role="separator"
      tabIndex={0}
      className={`splitter ${orientation} ${dragging ? 'dragging' : ''}`}
      aria-orientation={orientation}
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={min}
      aria-valuemax={Math.round(max)}
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { at: position(event), value };
        setDragging(true);
      }}
      onPointerMove={(event) => {
        if (dragging) onChange(clamp(start.current.value + sign * (position(event) - start.current.at)));
      }}
      onPointerUp={() => setDragging(false)}
      onPointerCancel={() => setDragging(false)}
    />
  );
}
