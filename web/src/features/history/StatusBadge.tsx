import type { QueryStatus } from '../../api/types';
import { titleCase } from '../../lib/format';

export function StatusBadge({ status }: { status: QueryStatus }) {
  const tone =
    status === 'FINISHED' ? 'ok' : status === 'FAILED' ? 'danger' : status === 'CANCELED' ? '' : 'warn';
  return (
    <span className={`badge ${tone}`}>
      <span className={`dot ${tone}`} aria-hidden="true" />
      {titleCase(status)}
    </span>
  );
}
