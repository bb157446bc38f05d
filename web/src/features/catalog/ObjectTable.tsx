/** The content of a container as a list that can be filtered. */
import { useState } from 'react';
import type { Securable } from '../../api/types';
import { formatTime, plural } from '../../lib/format';
import { Link } from '../../lib/router';
import { SearchField } from '../../ui/Fields';
import { Icon, type IconName } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';

export interface ObjectRow {
  name: string;
  icon: IconName;
  to: string;
  type: string;
  info: Securable;
}

interface TableProps {
  label: string;
  query: { error: unknown; refetch: () => unknown };
  rows: readonly ObjectRow[] | undefined;
  empty: string;
}

const SHOWN_MAX = 500;

export function ObjectTable({ label, query, rows, empty }: TableProps) {
  const [filter, setFilter] = useState('');
  const wanted = filter.trim().toLowerCase();
  const found = (rows ?? []).filter(({ name }) => name.toLowerCase().includes(wanted)).sort((a, b) => a.name.localeCompare(b.name));
  return (
    <section className="card" aria-label={label}>
      <div className="card-head">
        <div style={{ width: 260 }}>
          <SearchField label={`Filter ${label.toLowerCase()}`} small value={filter} onChange={(event) => setFilter(event.target.value)} />
        </div>
        <span className="grow" />
        <span className="muted small" role="status">
          {rows && plural(found.length, 'object')}
          {found.length > SHOWN_MAX && `, the first ${SHOWN_MAX} shown`}
        </span>
      </div>
      {rows ? (
        found.length > 0 ? (
          <Rows rows={found.slice(0, SHOWN_MAX)} />
        ) : (
          <EmptyState icon="search" title={wanted ? 'Nothing fits' : 'Empty'}>
            {wanted ? 'No name contains this text. Change the filter.' : empty}
          </EmptyState>
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={5} columns={4} />
      )}
    </section>
  );
}

function Rows({ rows }: { rows: readonly ObjectRow[] }) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>Type</th>
            <th>Owner</th>
            <th>Created</th>
            <th>Comment</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.to}>
              <td>
                <Link className="object-name" to={row.to}>
                  <Icon name={row.icon} />
                  {row.name}
                </Link>
              </td>
              <td className="nowrap">{row.type}</td>
              <td className="truncate owner" title={row.info.owner}>
                {row.info.owner ?? '–'}
              </td>
              <td className="nowrap">{formatTime(row.info.created_at)}</td>
              <td className="truncate comment" title={row.info.comment ?? ''}>
                {row.info.comment ?? ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}
