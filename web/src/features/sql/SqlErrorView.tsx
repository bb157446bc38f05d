/** An error of the engine: its class, its words, its place. */
import type { SqlError } from '../../lib/sql-error';
import { Link } from '../../lib/router';
import { CopyButton } from '../../ui/CopyButton';
import { Icon } from '../../ui/Icon';
import './sql-error.css';

export function SqlErrorView({ error, statementId }: { error: SqlError; statementId?: string | undefined }) {
  const text = `${error.errorClass ? `[${error.errorClass}] ` : ''}${error.message}`;
  return (
    <div className="sql-error" role="alert">
      <div className="sql-error-head">
        <Icon name="warning" />
        <strong>{error.errorClass ?? 'The statement failed'}</strong>
        {error.sqlState && <span className="badge">SQLSTATE {error.sqlState}</span>}
        <span className="grow" />
        <CopyButton text={text} label="Copy the error" />
      </div>
      <pre className="code-block">{error.message}</pre>
      <p className="small muted">
        {error.offset === undefined ? 'Change what it names, then try again.' : 'The place is marked in the editor. Change it, then run it again.'}{' '}
        {statementId && <Link to={`/history/${statementId}`}>See it in the query history</Link>}
      </p>
    </div>
  );
}
