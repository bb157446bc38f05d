/** Draws a chart as SVG. The numbers are in the result table beside it. */
import { useState } from 'react';
import type { ChartData, ChartType } from './model';
import { formatNumber, numberScale, position, timeScale, type Scale } from './scale';

interface ChartProps {
  data: ChartData;
  type: ChartType;
  width: number;
  height: number;
  xName: string;
  yName: string;
}

export const color = (index: number) => `var(--series-${(index % 8) + 1})`;

export function Chart(props: ChartProps) {
  const { data, type, xName, yName } = props;
  const count = data.series.reduce((total, series) => total + series.points.length, 0);
  const summary = `${type} chart of ${yName} by ${xName}: ${data.series.length} series, ${count} points.`;
  return (
    <figure className="chart">
      {type === 'pie' ? <Pie {...props} summary={summary} /> : <Plot {...props} summary={summary} />}
    </figure>
  );
}

const MARGIN = { top: 14, right: 18, bottom: 44, left: 62 };
const LABEL_WIDTH = 84;

interface Hover {
  x: number;
  y: number;
  text: string;
}

function Plot({ data, type, width, height, xName, yName, summary }: ChartProps & { summary: string }) {
  const [hover, setHover] = useState<Hover | null>(null);
  const left = MARGIN.left;
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const all = data.series.flatMap((series) => series.points);
  const ys = extent(all.map((point) => point.y));
  const y = numberScale(ys[0], ys[1], Math.max(2, Math.floor((bottom - MARGIN.top) / 44)), type === 'bar');
  const x = xScale(data, all.map((point) => point.x), Math.max(2, Math.floor((right - left) / 110)));
  const band = (right - left) / Math.max(1, data.categories.length);
  const px = (value: number) =>
    data.axis === 'category' ? left + (value + 0.5) * band : position(x, value, left, right);
  const py = (value: number) => position(y, value, bottom, MARGIN.top);
  const xLabel = (value: number) => (data.axis === 'category' ? (data.categories[value] ?? '') : x.format(value));
  const tip = (series: string, point: { x: number; y: number }) => {
    const name = data.series.length > 1 ? `${series}, ` : '';
    return { x: px(point.x), y: py(point.y), text: `${name}${xLabel(point.x)}: ${formatNumber(point.y)}` };
  };
  const every = data.axis === 'category' ? Math.max(1, Math.ceil(data.categories.length / ((right - left) / LABEL_WIDTH))) : 1;
  const ticks = data.axis === 'category' ? data.categories.map((_, index) => index).filter((i) => i % every === 0) : x.ticks;
  return (
    <svg width={width} height={height} role="img" aria-label={summary} onPointerLeave={() => setHover(null)}>
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line className={tick === 0 ? 'axis' : 'gridline'} x1={left} x2={right} y1={py(tick)} y2={py(tick)} />
          <text className="tick" x={left - 8} y={py(tick) + 4} textAnchor="end">
            {y.format(tick)}
          </text>
        </g>
      ))}
      {ticks.map((tick) => (
        <text key={tick} className="tick" x={px(tick)} y={bottom + 17} textAnchor="middle">
          {shorten(xLabel(tick))}
        </text>
      ))}
      <text className="axis-name" x={(left + right) / 2} y={height - 6} textAnchor="middle">
        {xName}
      </text>
      <text className="axis-name" transform={`translate(13 ${(MARGIN.top + bottom) / 2}) rotate(-90)`} textAnchor="middle">
        {yName}
      </text>
      {data.series.map((series, index) => {
        if (type === 'bar') {
          const bar = Math.max(1, (band * 0.76) / data.series.length);
          return series.points.map((point) => (
            <rect
              key={`${index}-${point.x}`}
              fill={color(index)}
              x={px(point.x) - (band * 0.76) / 2 + index * bar}
              y={Math.min(py(point.y), py(0))}
              width={Math.max(1, bar - 1)}
              height={Math.max(0.5, Math.abs(py(point.y) - py(0)))}
              onPointerEnter={() => setHover(tip(series.name, point))}
            />
          ));
        }
        return (
          <g key={series.name} fill={color(index)} stroke={color(index)}>
            {type === 'line' && (
              <polyline className="line" points={series.points.map((point) => `${px(point.x)},${py(point.y)}`).join(' ')} />
            )}
            {(type === 'scatter' || series.points.length <= 80) &&
              series.points.map((point, at) => (
                <circle
                  key={at}
                  cx={px(point.x)}
                  cy={py(point.y)}
                  r={type === 'scatter' ? 3.5 : 3}
                  className={type === 'scatter' ? 'spot' : ''}
                  onPointerEnter={() => setHover(tip(series.name, point))}
                />
              ))}
          </g>
        );
      })}
      {hover && <Tip hover={hover} width={width} />}
    </svg>
  );
}

function Tip({ hover, width }: { hover: Hover; width: number }) {
  const text = shorten(hover.text, 48);
  const box = text.length * 7 + 16;
  const x = Math.max(4, Math.min(hover.x - box / 2, width - box - 4));
  const y = hover.y > 40 ? hover.y - 34 : hover.y + 12;
  return (
    <g pointerEvents="none">
      <rect className="tip" x={x} y={y} width={box} height={24} rx={4} />
      <text className="tip-text" x={x + box / 2} y={y + 16} textAnchor="middle">
        {text}
      </text>
    </g>
  );
}

function Pie({ data, width, height, summary }: ChartProps & { summary: string }) {
  const points = data.series[0]?.points ?? [];
  const total = points.reduce((sum, point) => sum + point.y, 0);
  const radius = Math.max(20, Math.min(width, height) / 2 - 16);
  let angle = -Math.PI / 2;
  return (
    <svg width={width} height={height} role="img" aria-label={summary}>
      <g transform={`translate(${width / 2} ${height / 2})`}>
        {points.map((point, index) => {
          const from = angle;
          angle += (point.y / total) * Math.PI * 2;
          const name = data.categories[point.x] ?? '';
          return (
            <path key={name} className="slice" fill={color(index)} d={sector(radius, from, angle)}>
              <title>{`${name}: ${formatNumber(point.y)} (${((point.y / total) * 100).toFixed(1)} %)`}</title>
            </path>
          );
        })}
      </g>
    </svg>
  );
}

function sector(radius: number, from: number, to: number): string {
  if (to - from >= Math.PI * 2 - 1e-6) {
    return `M ${radius} 0 A ${radius} ${radius} 0 1 1 ${-radius} 0 A ${radius} ${radius} 0 1 1 ${radius} 0 Z`;
  }
  const at = (angle: number) => `${(Math.cos(angle) * radius).toFixed(2)} ${(Math.sin(angle) * radius).toFixed(2)}`;
  return `M 0 0 L ${at(from)} A ${radius} ${radius} 0 ${to - from > Math.PI ? 1 : 0} 1 ${at(to)} Z`;
}

function extent(values: readonly number[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function xScale(data: ChartData, values: readonly number[], count: number): Scale {
  const [low, high] = extent(values);
  if (data.axis === 'time') return timeScale(low, high, count);
  return numberScale(low, high, count, false);
}

function shorten(text: string, max = 14): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}
