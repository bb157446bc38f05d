/** The chart of a result: what to draw, and the drawing. */
import { useEffect, useMemo, useState } from 'react';
import type { Row } from '../../api/types';
import { formatCount, titleCase } from '../../lib/format';
import { useElementSize } from '../../lib/useElementSize';
import { SelectField } from '../../ui/Fields';
import { EmptyState, ErrorState, Skeleton } from '../../ui/States';
import type { ResultSet } from '../ResultSet';
import { kindOf } from '../types';
import { Chart, color } from './Chart';
import { buildChart, defaultConfig, type Aggregate, type ChartConfig, type ChartType } from './model';
import './chart.css';

const ROWS_MAX = 10_000;
const TYPES: readonly ChartType[] = ['bar', 'line', 'scatter', 'pie'];
const AGGREGATES: readonly [Aggregate, string][] = [
  ['sum', 'Sum'],
  ['avg', 'Average'],
  ['min', 'Minimum'],
  ['max', 'Maximum'],
  ['count', 'Count'],
  ['none', 'First value'],
];

export function ChartPanel({ result }: { result: ResultSet }) {
  const [config, setConfig] = useState<ChartConfig | null>(() => defaultConfig(result.columns));
  const [rows, setRows] = useState<Row[] | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  const [sizeRef, width, height] = useElementSize();
  const wanted = Math.min(result.rowCount, ROWS_MAX);
  useEffect(() => {
    let current = true;
    void result.ensure(0, wanted).then(() => {
      if (!current) return;
      const loaded = Array.from({ length: wanted }, (_, index) => result.row(index)).filter((row) => row !== undefined);
      setFailed(result.error);
      setRows(loaded);
    });
    return () => {
      current = false;
    };
  }, [result, wanted, attempt]);
  const data = useMemo(
    () => (config && rows ? buildChart(result.columns, rows, config) : null),
    [config, rows, result.columns],
  );
  if (!config || result.rowCount === 0) {
    return (
      <EmptyState icon="chart" title="Nothing to draw">
        The result has no rows. Change the statement so that it answers some.
      </EmptyState>
    );
  }
  if (failed) {
    const again = () => {
      result.retry();
      setAttempt(attempt + 1);
    };
    return <ErrorState error={failed} retry={again} />;
  }
  const set = (change: Partial<ChartConfig>) => setConfig({ ...config, ...change });
  const numeric = config.aggregate === 'count' || kindOf(result.columns[config.y] ?? { type_name: '', type_text: '' }) === 'number';
  const yName = `${config.aggregate === 'none' || config.type === 'scatter' ? '' : `${config.aggregate} of `}${result.columns[config.y]?.name ?? ''}`;
  const empty = data !== null && data.series.every((series) => series.points.length === 0);
  return (
    <div className="chart-panel">
      <ChartForm result={result} config={config} set={set} />
      <div className="chart-area">
        <div className="chart-canvas" ref={sizeRef}>
          {!data || width === 0 ? (
            <Skeleton height={height || 200} />
          ) : empty ? (
            <EmptyState icon="chart" title="Nothing to draw">
              {numeric ? 'These columns hold no values that can be drawn.' : 'Choose a number for Y, or count the rows.'}
            </EmptyState>
          ) : (
            <Chart
              data={data}
              type={config.type}
              width={width}
              height={height}
              xName={result.columns[config.x]?.name ?? ''}
              yName={yName}
            />
          )}
        </div>
        {data && <Legend names={config.type === 'pie' ? data.categories : data.series.map((series) => series.name)} />}
        <p className="small muted chart-note">
          {result.rowCount > ROWS_MAX && `Drawn from the first ${formatCount(ROWS_MAX)} rows. `}
          {data?.left && `Left out: ${data.left}.`}
        </p>
      </div>
    </div>
  );
}

function Legend({ names }: { names: readonly string[] }) {
  if (names.length < 2) return null;
  return (
    <ul className="legend">
      {names.map((name, index) => (
        <li key={name}>
          <span className="swatch" style={{ background: color(index) }} />
          {name}
        </li>
      ))}
    </ul>
  );
}

interface FormProps {
  result: ResultSet;
  config: ChartConfig;
  set: (change: Partial<ChartConfig>) => void;
}

function ChartForm({ result, config, set }: FormProps) {
  const options = result.columns.map((column, index) => (
    <option key={index} value={index}>
      {column.name}
    </option>
  ));
  return (
    <div className="chart-form">
      <SelectField label="Type" value={config.type} onChange={(event) => set({ type: event.target.value as ChartType })}>
        {TYPES.map((type) => (
          <option key={type} value={type}>
            {titleCase(type)}
          </option>
        ))}
      </SelectField>
      <SelectField
        label={config.type === 'pie' ? 'Slices' : 'X'}
        value={config.x}
        onChange={(event) => set({ x: Number(event.target.value) })}
      >
        {options}
      </SelectField>
      <SelectField
        label={config.type === 'pie' ? 'Size' : 'Y'}
        value={config.y}
        onChange={(event) => set({ y: Number(event.target.value) })}
      >
        {options}
      </SelectField>
      {config.type !== 'scatter' && (
        <SelectField
          label="Where X repeats"
          value={config.aggregate}
          onChange={(event) => set({ aggregate: event.target.value as Aggregate })}
        >
          {AGGREGATES.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>
      )}
      {config.type !== 'pie' && (
        <SelectField label="Series" value={config.series} onChange={(event) => set({ series: Number(event.target.value) })}>
          <option value={-1}>None</option>
          {options}
        </SelectField>
      )}
    </div>
  );
}
