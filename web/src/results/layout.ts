/** Geometry of the grid: column widths, which rows and columns are in view. */
import type { ResultColumn, Row } from '../api/types';
import { kindOf } from './types';

export const ROW_HEIGHT = 27;
export const HEAD_HEIGHT = 44;
const CHAR_WIDTH = 7.7;
/** The head is bold and proportional. */
const HEAD_CHAR_WIDTH = 8.4;
const PADDING = 22;
const WIDTH_MIN = 64;
const WIDTH_MAX = 380;
const SAMPLE_ROWS = 60;
/** Browsers stop laying out above this many pixels. */
const SCROLL_MAX = 15_000_000;
const OVERSCAN = 6;

/** Widths from the header and the first rows, so that most values fit. */
export function initialWidths(columns: readonly ResultColumn[], row: (index: number) => Row | undefined): number[] {
  return columns.map((column, index) => {
    let longest = 0;
    for (let at = 0; at < SAMPLE_ROWS; at += 1) {
      const cell = row(at)?.[index];
      if (cell) longest = Math.max(longest, Math.min(cell.length, 60));
    }
    const roomy = kindOf(column) === 'number' ? 4 : 0;
    const head = Math.max(column.name.length * HEAD_CHAR_WIDTH + 6, column.type_text.length * 6.8);
    const wanted = Math.max(longest * CHAR_WIDTH + roomy, head) + PADDING;
    return Math.round(Math.min(Math.max(wanted, WIDTH_MIN), WIDTH_MAX));
  });
}

export interface Window {
  from: number;
  to: number;
}

/** The left edge of each column, and the total at the end. */
export function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push((edges.at(-1) ?? 0) + width);
  return edges;
}

export function columnsInView(edges: readonly number[], left: number, width: number): Window {
  const count = edges.length - 1;
  let from = 0;
  while (from < count - 1 && (edges[from + 1] ?? 0) <= left) from += 1;
  let to = from;
  while (to < count && (edges[to] ?? 0) < left + width) to += 1;
  return { from: Math.max(0, from - 1), to: Math.min(count, to + 1) };
}

export interface RowGeometry {
  /** Height of the scrolled area; capped, so one pixel may stand for more than one. */
  total: number;
  window: Window;
  /** Where the row `window.from` is drawn in the scrolled area. */
  offset: number;
}

export function rowsInView(rowCount: number, scrollTop: number, height: number): RowGeometry {
  const real = rowCount * ROW_HEIGHT;
  const total = Math.min(real, SCROLL_MAX);
  const view = Math.max(0, height - HEAD_HEIGHT);
  const ratio = total > view ? (real - view) / (total - view) : 1;
  const virtualTop = scrollTop * ratio;
  const first = Math.floor(virtualTop / ROW_HEIGHT);
  const from = Math.max(0, first - OVERSCAN);
  const to = Math.min(rowCount, first + Math.ceil(view / ROW_HEIGHT) + OVERSCAN);
  return { total, window: { from, to }, offset: scrollTop - (virtualTop - from * ROW_HEIGHT) };
}

/** The scroll position that brings a row into view, or null when it is there. */
export function scrollTo(row: number, rowCount: number, scrollTop: number, height: number): number | null {
  const real = rowCount * ROW_HEIGHT;
  const total = Math.min(real, SCROLL_MAX);
  const view = Math.max(ROW_HEIGHT, height - HEAD_HEIGHT);
  const ratio = total > view ? (real - view) / (total - view) : 1;
  const top = row * ROW_HEIGHT;
  const virtualTop = scrollTop * ratio;
  if (top < virtualTop) return top / ratio;
  if (top + ROW_HEIGHT > virtualTop + view) return (top + ROW_HEIGHT - view) / ratio;
  return null;
}
