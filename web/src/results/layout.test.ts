import { describe, expect, it } from 'vitest';
import { columnsInView, edgesOf, HEAD_HEIGHT, ROW_HEIGHT, rowsInView, scrollTo } from './layout';

const HEIGHT = HEAD_HEIGHT + 10 * ROW_HEIGHT;

describe('rows in view', () => {
  it('draws what is seen and a little more', () => {
    const { window, total, offset } = rowsInView(1000, 100 * ROW_HEIGHT, HEIGHT);
    expect(window).toEqual({ from: 94, to: 116 });
    expect(total).toBe(1000 * ROW_HEIGHT);
    expect(offset).toBe(94 * ROW_HEIGHT);
  });

  it('reaches the last of more rows than a browser can scroll', () => {
    const rows = 5_000_000;
    const { total } = rowsInView(rows, 0, HEIGHT);
    expect(total).toBeLessThan(16_000_000);
    const end = rowsInView(rows, total - 10 * ROW_HEIGHT, HEIGHT);
    expect(end.window.to).toBe(rows);
    const top = scrollTo(rows - 1, rows, 0, HEIGHT);
    expect(rowsInView(rows, top ?? 0, HEIGHT).window.to).toBe(rows);
  });

  it('does not scroll to a row that is seen', () => {
    expect(scrollTo(3, 1000, 0, HEIGHT)).toBeNull();
    expect(scrollTo(20, 1000, 0, HEIGHT)).toBe(11 * ROW_HEIGHT);
  });
});

it('draws only columns in view', () => {
  const edges = edgesOf([100, 100, 100, 100, 100, 100]);
  expect(edges.at(-1)).toBe(600);
  expect(columnsInView(edges, 250, 100)).toEqual({ from: 1, to: 5 });
});
