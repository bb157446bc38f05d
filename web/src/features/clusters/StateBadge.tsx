import type { ClusterState } from '../../api/types';
import { titleCase } from '../../lib/format';
import { toneOf } from './state';

export function StateBadge({ state }: { state: ClusterState }) {
  const tone = toneOf(state);
  return (
    <span className={`badge ${tone}`}>
      <span className={`dot ${tone}`} aria-hidden="true" />
      {titleCase(state)}
    </span>
  );
}
