/** Figures over time: lines or areas on one axis. The keyboard moves the hair as the mouse does. */
import { useId, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { useElementSize } from '../lib/useElementSize';
import './time-chart.css';

export interface Series {
  label: string;
  /** One for each time; null where nothing is known. */
  values: readonly (number | null)[];
  /** A series below which others are seen: drawn as a thin line. */
  limit?: boolean;
}

interface TimeChartProps {
  title: string;
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** The least that the top of the axis shows. */
  least: number;
  /** Numbers of things: ticks are whole. */
  whole?: boolean;
  height?: number;
}

const LEFT = 52;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 22;
const TICK_PX = 110;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const exact = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

/** Round ticks from 0 to something not below `most`. */
export function ticksTo(most: number, whole: boolean): number[] {
  const rough = Math.max(most, Number.EPSILON) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = ((whole ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]).find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  if (whole) step = Math.max(1, Math.ceil(step));
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(10)));
}

/** Binary steps, so that memory reads as 256 MiB and not as 238.4 MiB. */
export function byteTicksTo(most: number): number[] {
  const step = 2 ** Math.ceil(Math.log2(Math.max(most, 1) / 4));
  return Array.from({ length: Math.max(1, Math.ceil(most / step)) + 1 }, (_, index) => index * step);
}

/** Times of the axis at round minutes or hours of this place. */
export function timeTicks(from: number, to: number, count: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360].map((minutes) => minutes * 60_000);
  const step = steps.find((one) => (to - from) / one <= Math.max(1, count)) ?? 720 * 60_000;
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const ticks: number[] = [];
  for (let tick = Math.ceil((from - shift) / step) * step + shift; tick <= to; tick += step) ticks.push(tick);
  return ticks;
}

export function TimeChart({ title, times, series, format, least, whole = false, height = 150 }: TimeChartProps) {
  const [ref, width] = useElementSize();
  const [at, setAt] = useState<number | null>(null);
  const clip = useId();
  const from = times[0] ?? 0;
  const to = times.at(-1) ?? 1;
  const most = series.reduce((top, { values }) => values.reduce<number>((max, value) => Math.max(max, value ?? 0), top), least);
  const ticks = least >= 1024 ? byteTicksTo(most) : ticksTo(most, whole);
  const top = ticks.at(-1) ?? 1;
  const x = (time: number) => LEFT + ((time - from) / Math.max(1, to - from)) * Math.max(0, width - LEFT - RIGHT);
  const y = (value: number) => height - BOTTOM - (value / top) * (height - TOP - BOTTOM);
  const last = times.length - 1;
  const point = at === null ? null : Math.min(at, last);
  const move = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT - RIGHT);
    setAt(Math.max(0, Math.min(last, Math.round(part * last))));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const here = point ?? last;
    const next: Record<string, number> = { ArrowLeft: here - 1, ArrowRight: here + 1, PageUp: here - 10, PageDown: here + 10, Home: 0, End: last };
    const target = next[event.key];
    if (target === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, target)));
  };
  const read = (index: number) => series.map(({ label, values }) => `${label} ${text(values[index], format)}`).join(', ');
  const shown = point ?? last;
  return (
    <figure className="time-chart">
      <figcaption>
        <span className="time-title">{title}</span>
        <span className="time-now" aria-hidden="true">
          {point === null ? '' : exact.format(new Date(times[point] ?? 0))}
        </span>
        <span className="grow" />
        {series.map(({ label, values, limit }, index) => (
          <span key={label} className="time-key">
            <span className={limit ? 'time-swatch limit' : 'time-swatch'} style={limit ? undefined : { background: colour(index) }} />
            {label} <b>{text(values[shown], format)}</b>
          </span>
        ))}
      </figcaption>
      <div
        ref={ref}
        className="time-plot"
        style={{ height }}
        role="slider"
        tabIndex={0}
        aria-label={`${title} over time`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={Math.max(0, shown)}
        aria-valuetext={times.length > 0 ? `${exact.format(new Date(times[shown] ?? 0))}: ${read(shown)}` : 'Nothing known'}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
        onBlur={() => setAt(null)}
        onKeyDown={onKeyDown}
      >
        {width > 0 && (
          <svg width={width} height={height} aria-hidden="true">
            <defs>
              <clipPath id={clip}>
                <rect x={LEFT} y={0} width={Math.max(0, width - LEFT - RIGHT)} height={height - BOTTOM + 1} />
              </clipPath>
            </defs>
            {ticks.map((tick) => (
              <g key={tick}>
                <line className={tick === 0 ? 'time-base' : 'time-grid'} x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
                <text className="time-tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
                  {format(tick)}
                </text>
              </g>
            ))}
            {timeTicks(from, to, (width - LEFT - RIGHT) / TICK_PX).map((tick) => (
              <text key={tick} className="time-tick" x={Math.min(x(tick), width - RIGHT - 14)} y={height - 5} textAnchor="middle">
                {clock.format(new Date(tick))}
              </text>
            ))}
            <g clipPath={`url(#${clip})`}>
              {series.map((one, index) => (
                <Shape key={one.label} one={one} colour={colour(index)} times={times} x={x} y={y} steps={whole} />
              ))}
            </g>
            {point !== null && <line className="time-hair" x1={x(times[point] ?? 0)} x2={x(times[point] ?? 0)} y1={TOP} y2={height - BOTTOM} />}
            {point !== null &&
              series.map(({ label, values, limit }, index) => {
                const value = values[point];
                return value === null || value === undefined || limit ? null : (
                  <circle key={label} className="time-point" cx={x(times[point] ?? 0)} cy={y(value)} r={3.5} fill={colour(index)} />
                );
              })}
          </svg>
        )}
      </div>
    </figure>
  );
}

const colour = (index: number) => `var(--series-${(index % 8) + 1})`;
const text = (value: number | null | undefined, format: (value: number) => string) =>
  value === null || value === undefined ? '–' : format(value);

interface ShapeProps {
  one: Series;
  colour: string;
  times: readonly number[];
  x: (time: number) => number;
  y: (value: number) => number;
  /** Numbers of things change at once. */
  steps: boolean;
}

function Shape({ one: { values, limit = false }, colour: stroke, times, x, y, steps }: ShapeProps) {
  const stepped = steps || limit;
  const drawn = limit ? values : stepped ? values.map((value) => value || null) : withoutRest(values);
  const base = round(y(0));
  const last = times.length - 1;
  const across = (index: number) => round(x(times[index] ?? 0));
  const up = (index: number) => round(y(drawn[index] ?? 0));
  const line = (start: number, end: number): string => {
    const middle = Array.from({ length: end - start }, (_, offset) => {
      const index = start + 1 + offset;
      return stepped ? `H${across(index)}V${up(index)}` : `L${across(index)},${up(index)}`;
    }).join('');
    if (!stepped) return `M${across(start)},${up(start)}${middle}`;
    // It holds until the next step begins.
    const over = end < last ? `H${across(end + 1)}` : '';
    if (limit) return `M${across(start)},${up(start)}${middle}${over}`;
    return `M${across(start)},${base}V${up(start)}${middle}${over}${end < last ? `V${base}` : ''}`;
  };
  return (
    <>
      {runsOf(drawn).map(([start, end]) => {
        const path = line(start, end);
        return (
          <g key={start}>
            {!limit && <path d={`${path}V${base}H${across(start)}Z`} fill={stroke} className="time-area" />}
            <path d={path} className={limit ? 'time-limit' : 'time-line'} stroke={limit ? undefined : stroke} />
          </g>
        );
      })}
    </>
  );
}

/** Zeros between zeros are not drawn: a line on the base says nothing, and hides others. */
export function withoutRest(values: readonly (number | null)[]): (number | null)[] {
  const rests = (index: number) => (values[index] ?? 0) === 0;
  return values.map((value, index) => (rests(index) && rests(index - 1) && rests(index + 1) ? null : value));
}

const round = (value: number) => Math.round(value * 10) / 10;

/** First and last index of every run of known values. */
export function runsOf(values: readonly (number | null)[]): [number, number][] {
  const runs: [number, number][] = [];
  values.forEach((value, index) => {
    const run = runs.at(-1);
    if (value === null) return;
    if (run && run[1] === index - 1) run[1] = index;
    else runs.push([index, index]);
  });
  return runs;
}
