/** The charts of a warehouse, drawn from its samples. */
import type { WarehouseSample } from '../../api/types';
import { formatCount } from '../../lib/format';
import { Skeleton } from '../../ui/States';
import { TimeChart, type Series } from '../../ui/TimeChart';
import { formatCores, shortBytes } from '../compute/figures';
import { stepsOf, type Samples } from './samples';

interface ChartProps {
  samples: Samples | undefined;
  periodMs: number;
  height?: number;
}

const HEAD_PX = 26;

function Chart({
  samples,
  periodMs,
  height = 150,
  series,
  ...rest
}: ChartProps & {
  title: string;
  series: readonly { label: string; of: (sample: WarehouseSample) => number; limit?: boolean }[];
  format: (value: number) => string;
  least: number;
  whole?: boolean;
}) {
  if (!samples) return <Skeleton height={height + HEAD_PX} />;
  const steps = stepsOf(samples, periodMs);
  const drawn: Series[] = series.map(({ label, of, limit }) => ({
    label,
    values: steps.samples.map((sample) => (sample ? of(sample) : limit ? null : 0)),
    ...(limit ? { limit } : {}),
  }));
  return <TimeChart {...rest} times={steps.times} series={drawn} height={height} />;
}

export const StatementsChart = (props: ChartProps) => (
  <Chart
    {...props}
    title="Statements"
    whole
    least={4}
    format={formatCount}
    series={[
      { label: 'Running', of: ({ running }) => running },
      { label: 'Queued', of: ({ queued }) => queued },
    ]}
  />
);

export const EnginesChart = (props: ChartProps) => (
  <Chart {...props} title="Engines" whole least={2} format={formatCount} series={[{ label: 'Running', of: ({ engines }) => engines }]} />
);

export const CpuChart = (props: ChartProps) => (
  <Chart
    {...props}
    title="CPU"
    least={1000}
    format={formatCores}
    series={[
      { label: 'In use', of: ({ cpu_millis }) => cpu_millis },
      { label: 'Given', of: ({ cpu_millis_max }) => cpu_millis_max, limit: true },
    ]}
  />
);

export const MemoryChart = (props: ChartProps) => (
  <Chart
    {...props}
    title="Memory"
    least={256 * 1024 * 1024}
    format={shortBytes}
    series={[
      { label: 'In use', of: ({ memory_bytes }) => memory_bytes },
      { label: 'Given', of: ({ memory_bytes_max }) => memory_bytes_max, limit: true },
    ]}
  />
);
