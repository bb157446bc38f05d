/** Loading, empty and error, always with a next step. */
import type { ReactNode } from 'react';
import { ApiError } from '../api/http';
import { Button } from './Button';
import { Icon, type IconName } from './Icon';

export function Skeleton({ width = '100%', height = 14 }: { width?: number | string; height?: number }) {
  return <span className="skeleton" style={{ width, height }} aria-hidden="true" />;
}

/** Rows of the height the loaded rows will have, so that nothing jumps. */
export function SkeletonRows({ rows = 6, columns = 4 }: { rows?: number; columns?: number }) {
  return (
    <table className="plain" aria-busy="true">
      <caption className="visually-hidden">Loading</caption>
      <tbody>
        {Array.from({ length: rows }, (_, row) => (
          <tr key={row}>
            {Array.from({ length: columns }, (_, column) => (
              <td key={column}>
                <Skeleton width={`${55 + ((row * 13 + column * 29) % 40)}%`} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function PageLoading() {
  return (
    <div className="page" aria-busy="true">
      <div className="page-inner stack">
        <Skeleton width={220} height={26} />
        <Skeleton height={220} />
        <span className="visually-hidden" role="status">
          Loading
        </span>
      </div>
    </div>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children: ReactNode;
  actions?: ReactNode;
}

export function EmptyState({ icon, title, children, actions }: EmptyProps) {
  return (
    <div className="state">
      <Icon name={icon} />
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div className="actions">{actions}</div>}
    </div>
  );
}

export interface ErrorText {
  title: string;
  message: string;
  step: string;
}

/** What went wrong in words, and what to do next. */
export function describeError(error: unknown): ErrorText {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError)) return { title: 'Something went wrong', message, step: 'Try again.' };
  const known: Record<number, [string, string]> = {
    0: ['The server cannot be reached', 'Check the connection, then try again.'],
    400: ['The request was refused', 'Change the input, then try again.'],
    401: ['You are signed out', 'Sign in again.'],
    403: ['You may not do this', 'Ask the owner or an admin for the missing privilege.'],
    404: ['Not found', 'It may have been removed or renamed, or you may not see it.'],
    409: ['It conflicts with what is there', 'Choose another name, or reload and try again.'],
    413: ['Too large', 'Send less at a time.'],
    429: ['Too many requests', 'Wait a moment, then try again.'],
    501: ['Not supported by this server', 'Use another way, or a newer server.'],
  };
  const [title, step] = known[error.status] ?? [
    'The server failed',
    error.requestId ? `Try again. Request ${error.requestId} names it in the server's log.` : 'Try again.',
  ];
  return { title, message: `${message}${error.code.startsWith('HTTP_') ? '' : ` (${error.code})`}`, step };
}

export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, message, step } = describeError(error);
  return (
    <div className="state error" role="alert">
      <Icon name="warning" />
      <h2>{title}</h2>
      <p>{message}</p>
      <p>{step}</p>
      {retry && (
        <div className="actions">
          <Button icon="refresh" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </div>
  );
}

export function ErrorNotice({ error }: { error: unknown }) {
  const { title, message, step } = describeError(error);
  return (
    <div className="notice danger" role="alert">
      <Icon name="warning" />
      <span>
        <strong>{title}.</strong> {message} {step}
      </span>
    </div>
  );
}
