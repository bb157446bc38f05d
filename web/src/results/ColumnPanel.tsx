/** What can be done with a column, and what it holds. Opens below its head. */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { ResultColumn } from '../api/types';
import { copyText } from '../lib/clipboard';
import { formatCount } from '../lib/format';
import { Button, IconButton } from '../ui/Button';
import { TextField } from '../ui/Fields';
import { ErrorNotice, Skeleton } from '../ui/States';
import { toast } from '../ui/Toasts';
import type { ResultSet } from './ResultSet';
import { columnStats, type ColumnStats } from './stats';
import { kindOf } from './types';
import type { Arranged } from './useArrangement';

interface Props {
  result: ResultSet;
  index: number;
  arranged: Arranged;
  /** Where the head stands in the window. */
  anchor: { left: number; bottom: number };
  onClose: () => void;
}

const WIDTH = 300;
const GAP = 8;
const FILTER_MS = 120;

export function ColumnPanel({ result, index, arranged, anchor, onClose }: Props) {
  const panel = useRef<HTMLDivElement>(null);
  const column = result.columns[index];
  useEffect(() => {
    const element = panel.current;
    if (!element?.isConnected) return undefined;
    element.showPopover();
    element.querySelector<HTMLElement>('button')?.focus();
    const place = () => {
      const { height } = element.getBoundingClientRect();
      element.style.left = `${Math.max(GAP, Math.min(anchor.left, innerWidth - WIDTH - GAP))}px`;
      element.style.top = `${Math.max(GAP, Math.min(anchor.bottom, innerHeight - height - GAP))}px`;
    };
    place();
    // The statistics come later and make it taller.
    const observer = new ResizeObserver(place);
    observer.observe(element);
    return () => observer.disconnect();
  }, [anchor]);
  if (!column) return null;
  const { sort } = arranged.spec;
  const way = sort?.column === index ? sort.descending : null;
  const choose = (descending: boolean) => {
    arranged.sort(index, way === descending ? null : descending);
    onClose();
  };
  return (
    <div
      ref={panel}
      popover="auto"
      role="dialog"
      aria-label={`Column ${column.name}`}
      className="column-panel"
      style={{ width: WIDTH }}
      onToggle={(event) => event.newState === 'closed' && onClose()}
      onKeyDown={(event: KeyboardEvent) => {
        event.stopPropagation();
        if (event.key === 'Escape') onClose();
      }}
    >
      <div className="row">
        <span className="grow column-panel-name">
          <strong>{column.name}</strong>
          <code className="muted">{column.type_text.toLowerCase()}</code>
        </span>
        <IconButton icon="copy" label="Copy the name" onClick={() => void copyText(column.name).then((done) => done && toast('Name copied'))} />
      </div>
      <div className="row">
        <Button small aria-pressed={way === false} className="grow" icon="up" onClick={() => choose(false)}>
          Ascending
        </Button>
        <Button small aria-pressed={way === true} className="grow" icon="down" onClick={() => choose(true)}>
          Descending
        </Button>
      </div>
      <FilterField value={arranged.spec.filters.get(index) ?? ''} onChange={(text) => arranged.filter(index, text)} onDone={onClose} />
      <Statistics result={result} index={index} column={column} onPick={(value) => arranged.filter(index, `= ${value}`)} />
    </div>
  );
}

function FilterField({ value, onChange, onDone }: { value: string; onChange: (text: string) => void; onDone: () => void }) {
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    setKnown(value);
    if (value !== text.trim() && value !== text) setText(value);
  }
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text), FILTER_MS);
    return () => clearTimeout(timer);
    // The latest text counts; `onChange` and `value` follow from it.
  }, [text]);
  return (
    <TextField
      label="Filter"
      hint="A part of the text, or > 5, != x, null, not null."
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        onChange(text);
        onDone();
      }}
    />
  );
}

interface StatisticsProps {
  result: ResultSet;
  index: number;
  column: ResultColumn;
  onPick: (value: string) => void;
}

const number = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 8 });

function Statistics({ result, index, column, onPick }: StatisticsProps) {
  const [stats, setStats] = useState<ColumnStats | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  useEffect(() => {
    let current = true;
    result.all().then(
      (rows) => current && setStats(columnStats(rows, index, kindOf(column))),
      (error: unknown) => current && setFailed(error),
    );
    return () => {
      current = false;
    };
  }, [result, index, column]);
  if (failed !== null) return <ErrorNotice error={failed} />;
  const lines: [string, string | null][] = stats
    ? [
        ['Rows', formatCount(stats.rows)],
        ['NULL', stats.nulls === 0 ? '0' : `${formatCount(stats.nulls)} (${share(stats.nulls, stats.rows)})`],
        ['Distinct', formatCount(stats.distinct)],
        ['Minimum', stats.min],
        ['Maximum', stats.max],
        ...(stats.mean === null ? [] : ([['Mean', number.format(stats.mean)], ['Sum', number.format(stats.sum ?? 0)]] as [string, string][])),
      ]
    : ['Rows', 'NULL', 'Distinct', 'Minimum', 'Maximum'].map((name) => [name, null]);
  return (
    <>
      <dl className="column-stats" aria-label={`Statistics of the ${result.truncated ? 'rows shown' : 'result'}`}>
        {lines.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="truncate" title={value ?? undefined}>
              {stats ? (value ?? '–') : <Skeleton width={70} />}
            </dd>
          </div>
        ))}
      </dl>
      {stats && stats.top.length > 0 && (
        <ul className="column-top" aria-label="Commonest values">
          {stats.top.map(({ value, count }) => (
            <li key={value}>
              <button type="button" title={`Show the rows with ${value}`} onClick={() => onPick(value)}>
                <span className="column-bar" style={{ width: share(count, stats.rows) }} aria-hidden="true" />
                <span className="truncate grow">{value === '' ? '(empty)' : value}</span>
                <span>{formatCount(count)}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function share(part: number, whole: number): string {
  return `${whole === 0 ? 0 : Math.max(1, Math.round((part / whole) * 100))}%`;
}
