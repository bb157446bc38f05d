/** A row of figures at the head of a page. */
import type { ReactNode } from 'react';
import { Skeleton } from '../../ui/States';

export interface Tile {
  label: string;
  /** Undefined: not loaded. */
  value: ReactNode;
  note?: ReactNode;
  tone?: 'warn' | 'danger';
}

export function Tiles({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <dl className="tiles">
      {tiles.map(({ label, value, note, tone = '' }) => (
        <div key={label} className={`tile card ${tone}`}>
          <dt>{label}</dt>
          <dd>
            <span className="tile-value">{value ?? <Skeleton width={54} height={26} />}</span>
            {note && <span className="tile-note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
