/** What the catalog knows of an object, as names and values. */
import { Fragment } from 'react';
import type { Securable } from '../../api/types';
import { formatTime } from '../../lib/format';
import { SkeletonRows } from '../../ui/States';

export type DetailRow = readonly [string, string | number | null | undefined];

export function standardRows(info: Securable | undefined): DetailRow[] {
  if (!info) return [];
  return [
    ['Full name', info.full_name ?? info.name],
    ['Owner', info.owner],
    ['Created', formatTime(info.created_at)],
    ['Created by', info.created_by],
    ['Changed', formatTime(info.updated_at)],
    ['Changed by', info.updated_by],
  ];
}

export function propertyRows(properties: Record<string, string> | undefined): DetailRow[] {
  return Object.entries(properties ?? {})
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([key, value]) => [`Property ${key}`, value]);
}

export function DetailList({ rows }: { rows: readonly DetailRow[] }) {
  const known = rows.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return (
    <section className="card" aria-label="Details">
      {known.length > 0 ? (
        <dl className="kv card-body">
          {known.map(([name, value]) => (
            <Fragment key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </Fragment>
          ))}
        </dl>
      ) : (
        <SkeletonRows rows={6} columns={2} />
      )}
    </section>
  );
}
