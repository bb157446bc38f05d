import { Link } from '../lib/router';
import { EmptyState } from '../ui/States';

export function NotFound() {
  return (
    <div className="page">
      <EmptyState
        icon="search"
        title="There is no such page"
        actions={
          <Link className="button primary" to="/sql">
            Open the SQL editor
          </Link>
        }
      >
        The address may be mistyped, or the page has moved.
      </EmptyState>
    </div>
  );
}
