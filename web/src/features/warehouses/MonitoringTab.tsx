/** What a warehouse did over the last hours, and what runs on it now. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Warehouse } from '../../api/types';
import { ErrorState } from '../../ui/States';
import { Segments } from '../compute/Segments';
import { ActivityCard } from './ActivityCard';
import { CpuChart, EnginesChart, MemoryChart, StatementsChart } from './charts';
import { HOUR_MS, samplesQuery } from './samples';

const PERIODS = [
  { key: '1', label: '1 hour' },
  { key: '6', label: '6 hours' },
  { key: '24', label: '24 hours' },
] as const;

export function MonitoringTab({ warehouse }: { warehouse: Warehouse }) {
  const [hours, setHours] = useState<(typeof PERIODS)[number]['key']>('1');
  const periodMs = Number(hours) * HOUR_MS;
  const query = useQuery(samplesQuery(warehouse.id, periodMs));
  // What is shown while another period loads is of the one before.
  const samples = query.isPlaceholderData ? undefined : query.data;
  return (
    <>
      <section className="card monitoring" aria-label="Over time">
        <div className="card-head">
          <h2 className="grow">Over time</h2>
          <Segments label="Period" items={PERIODS} active={hours} onSelect={setHours} />
        </div>
        {query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <div className="chart-grid">
            <StatementsChart samples={samples} periodMs={periodMs} />
            <EnginesChart samples={samples} periodMs={periodMs} />
            <CpuChart samples={samples} periodMs={periodMs} />
            <MemoryChart samples={samples} periodMs={periodMs} />
          </div>
        )}
      </section>
      <section className="card" aria-label="Statements">
        <ActivityCard warehouse={warehouse} />
      </section>
    </>
  );
}
