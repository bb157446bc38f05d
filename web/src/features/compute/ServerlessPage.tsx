/** The sandboxes of this workspace (or of all, for admins of the account), live. */
import { useQuery } from '@tanstack/react-query';
import { useSession } from '../../app/session';
import type { Sandbox } from '../../api/types';
import { formatCount, plural } from '../../lib/format';
import { Link, navigate, useLocation } from '../../lib/router';
import { Icon } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { ComputeNav } from './ComputeNav';
import { formatCores, shortBytes, sumOf } from './figures';
import { levelOf, Reasons } from './IsolationBadge';
import { sandboxesQuery } from './queries';
import { SandboxTable } from './SandboxTable';
import { Segments } from './Segments';
import { Tiles } from './Tiles';

export default function ServerlessPage() {
  const { account_admin } = useSession();
  const { search } = useLocation();
  const all = account_admin && search.get('of') === 'account';
  const query = useQuery(sandboxesQuery(all ? { all_workspaces: true } : {}));
  const list = query.data;
  return (
    <div className="page">
      <div className="page-inner">
        <ComputeNav />
        <header className="page-head">
          <div>
            <h1>Serverless</h1>
            <p>Sandboxes that run now. Each serves one workspace, has no network but its doors, and is destroyed after use.</p>
          </div>
          {account_admin && (
            <div className="actions">
              <Segments
                label="Whose sandboxes"
                active={all ? 'account' : 'workspace'}
                items={[
                  { key: 'workspace', label: 'This workspace' },
                  { key: 'account', label: 'All workspaces' },
                ]}
                onSelect={(key) => navigate(key === 'account' ? '/serverless?of=account' : '/serverless', { replace: true })}
              />
            </div>
          )}
        </header>
        <Figures list={list} />
        {list && <Degraded list={list} />}
        <section className="card" aria-label="Sandboxes">
          {list ? (
            list.length > 0 ? (
              <SandboxTable list={list} workspace={all} />
            ) : (
              <EmptyState
                icon="shield"
                title="No sandbox runs"
                actions={
                  <Link className="button primary" to="/sql">
                    Open the SQL editor
                  </Link>
                }
              >
                One starts with the first statement of a warehouse, or the first command of a user, and ends when it is not needed any more.
              </EmptyState>
            )
          ) : query.error ? (
            <ErrorState error={query.error} retry={() => void query.refetch()} />
          ) : (
            <SkeletonRows rows={4} columns={8} />
          )}
        </section>
      </div>
    </div>
  );
}

function Figures({ list }: { list: readonly Sandbox[] | undefined }) {
  const sum = list && sumOf(list);
  return (
    <Tiles
      tiles={[
        { label: 'Sandboxes', value: sum && formatCount(list.length), note: sum && (sum.starting > 0 ? `${sum.starting} starting` : `${sum.running} running`) },
        { label: 'CPU in use', value: sum && formatCores(sum.cores * 1000), note: sum && `of ${plural(Number((sum.cpuMillis / 1000).toFixed(1)), 'processor')}` },
        { label: 'Memory in use', value: sum && shortBytes(sum.memory), note: sum && `of ${shortBytes(sum.memoryMax)}` },
        {
          label: 'Connections refused',
          value: sum && formatCount(sum.denied),
          note: sum && (sum.denied > 0 ? <Link to="/network">Show them</Link> : `${formatCount(sum.allowed)} let through`),
          ...(sum && sum.denied > 0 ? { tone: 'warn' as const } : {}),
        },
      ]}
    />
  );
}

/** Said once, not only in every row. */
function Degraded({ list }: { list: readonly Sandbox[] }) {
  const bad = list.filter(({ isolation }) => isolation && isolation !== 'full');
  if (bad.length === 0) return null;
  const none = bad.some(({ isolation }) => isolation === 'none');
  const level = levelOf(none ? 'none' : 'degraded');
  const reasons = [...new Set(bad.flatMap(({ isolation_reasons }) => isolation_reasons))];
  return (
    <div className={`notice page-notice ${none ? 'danger' : 'warn'}`}>
      <Icon name="warning" />
      <div>
        <strong>{plural(bad.length, 'sandbox', 'sandboxes')} without full isolation.</strong> {level.text}
        {reasons.length > 0 && <Reasons reasons={reasons} />}
      </div>
    </div>
  );
}
