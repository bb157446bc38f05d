/** A settings list: its head, and loading, empty and error in its body. */
import type { ReactNode } from 'react';
import { ErrorState, SkeletonRows } from '../../ui/States';

interface SectionProps {
  title: string;
  text: string;
  action: ReactNode;
  query: { error: unknown; refetch: () => unknown };
  ready: boolean;
  columns: number;
  children: ReactNode;
}

export function SectionCard({ title, text, action, query, ready, columns, children }: SectionProps) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <div className="grow">
          <h2>{title}</h2>
          <p className="muted small">{text}</p>
        </div>
        {action}
      </div>
      {ready ? (
        children
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={4} columns={columns} />
      )}
    </section>
  );
}
