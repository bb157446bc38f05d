/** Axes: round tick values for numbers and for times. */

export interface Scale {
  min: number;
  max: number;
  ticks: number[];
  format: (value: number) => string;
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 2 });

export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e15)) return value.toExponential(2);
  return size >= 10_000 ? compact.format(value) : String(Number(value.toPrecision(6)));
}

function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 2.5, 5, 10].find((step) => step * power >= rough * 0.999) ?? 10;
  return factor * power;
}

export function numberScale(low: number, high: number, count: number, fromZero: boolean): Scale {
  let min = fromZero ? Math.min(0, low) : low;
  let max = fromZero ? Math.max(0, high) : high;
  if (!Number.isFinite(min) || !Number.isFinite(max)) [min, max] = [0, 1];
  if (min === max) {
    const room = Math.abs(min) || 1;
    if (!fromZero || min !== 0) min -= fromZero && min > 0 ? min : room / 2;
    max += room / 2;
  }
  const step = niceStep(max - min, count);
  min = Math.floor(min / step) * step;
  max = Math.ceil(max / step) * step;
  const ticks: number[] = [];
  for (let index = 0; min + index * step <= max + step / 2; index += 1) ticks.push(min + index * step);
  return { min, max, ticks: ticks.map((tick) => Number(tick.toPrecision(12))), format: formatNumber };
}

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const STEPS: readonly number[] = [
  ...[1, 5, 15, 30].map((value) => value * SECOND),
  ...[1, 5, 15, 30].map((value) => value * 60 * SECOND),
  ...[1, 3, 6, 12].map((value) => value * 3600 * SECOND),
  ...[1, 2, 7, 14].map((value) => value * DAY),
];

export function timeScale(min: number, max: number, count: number): Scale {
  if (min === max) [min, max] = [min - DAY / 2, max + DAY / 2];
  const rough = (max - min) / Math.max(1, count);
  const step = STEPS.find((value) => value >= rough);
  const ticks = step ? fixedTicks(min, max, step) : monthTicks(min, max, rough);
  return { min, max, ticks, format: (value) => formatTick(value, step) };
}

function fixedTicks(min: number, max: number, step: number): number[] {
  const ticks: number[] = [];
  for (let tick = Math.ceil(min / step) * step; tick <= max; tick += step) ticks.push(tick);
  return ticks;
}

function monthTicks(min: number, max: number, rough: number): number[] {
  const months = [1, 3, 6, 12, 24, 60, 120, 240].find((value) => value * 30 * DAY >= rough) ?? 1200;
  const start = new Date(min);
  const ticks: number[] = [];
  const first = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (let month = first; ; month += months) {
    const tick = Date.UTC(Math.floor(month / 12), month % 12, 1);
    if (tick > max) return ticks;
    if (tick >= min) ticks.push(tick);
  }
}

function formatTick(value: number, step: number | undefined): string {
  const iso = new Date(value).toISOString();
  if (step === undefined) return iso.slice(0, 7);
  if (step >= DAY) return iso.slice(0, 10);
  return step >= 60 * SECOND ? iso.slice(5, 16).replace('T', ' ') : iso.slice(11, 19);
}

export function position(scale: Scale, value: number, from: number, to: number): number {
  return from + ((value - scale.min) / (scale.max - scale.min)) * (to - from);
}
