/** A page with a pane at its side. In a narrow window the pane folds away above the content. */
import { useState, type ReactNode } from 'react';
import { useStoredNumber } from '../lib/storage';
import { useMedia } from '../lib/useMedia';
import { Icon } from './Icon';
import { Splitter } from './Splitter';
import './side-layout.css';

interface SideLayoutProps {
  /** Name of the pane, for people and screen readers. */
  label: string;
  storageKey: string;
  initial: number;
  min: number;
  max: number;
  /** Called with a function that folds the pane away where it covers the content. */
  side: (fold: () => void) => ReactNode;
  children: ReactNode;
}

const NARROW = '(max-width: 760px)';

export function SideLayout({ label, storageKey, initial, min, max, side, children }: SideLayoutProps) {
  const [width, setWidth] = useStoredNumber(storageKey, initial);
  const [open, setOpen] = useState(false);
  const narrow = useMedia(NARROW);
  if (narrow) {
    return (
      <div className="side-layout narrow">
        <button type="button" className="side-toggle" aria-expanded={open} aria-controls="side-pane" onClick={() => setOpen(!open)}>
          <Icon name="menu" />
          {label}
          <Icon name={open ? 'up' : 'down'} />
        </button>
        <aside className="side-pane" id="side-pane" aria-label={label} hidden={!open}>
          {side(() => setOpen(false))}
        </aside>
        {children}
      </div>
    );
  }
  return (
    <div className="side-layout" style={{ gridTemplateColumns: `${width}px 0 minmax(0, 1fr)` }}>
      <aside className="side-pane" aria-label={label}>
        {side(() => undefined)}
      </aside>
      <Splitter orientation="vertical" label={`Width of ${label.toLowerCase()}`} value={width} min={min} max={max} onChange={setWidth} />
      {children}
    </div>
  );
}
