/** What a warehouse did, as one value for every step of a period. */
import { queryOptions } from '@tanstack/react-query';
import { getSamples } from '../../api/compute';
import type { WarehouseSample, WarehouseSamples } from '../../api/types';

export const HOUR_MS = 3_600_000;
const REFRESH_MS = 5000;

export const samplesQuery = (id: string, periodMs: number) =>
  queryOptions({
    queryKey: ['samples', id, periodMs],
    queryFn: async ({ signal }) => ({ ...(await getSamples(id, periodMs, signal)), until: Date.now() }),
    refetchInterval: REFRESH_MS,
    placeholderData: (before) => before,
  });

export type Samples = WarehouseSamples & { until: number };

export interface Steps {
  times: number[];
  /** Null: nothing ran. */
  samples: (WarehouseSample | null)[];
}

/** Steps that the server leaves out are those in which nothing ran. */
export function stepsOf({ samples, step_ms, until }: Samples, periodMs: number): Steps {
  const first = Math.ceil((until - periodMs) / step_ms) * step_ms;
  const count = Math.max(1, Math.floor((until - first) / step_ms) + 1);
  const times = Array.from({ length: count }, (_, index) => first + index * step_ms);
  const found: (WarehouseSample | null)[] = times.map(() => null);
  for (const sample of samples) {
    const at = Math.floor((sample.time - first) / step_ms);
    if (at >= 0 && at < count) found[at] = sample;
  }
  // The step that goes on may not have begun anew in the answer.
  if (found.at(-1) === null && found.at(-2)) found[count - 1] = found.at(-2) ?? null;
  return { times, samples: found };
}
