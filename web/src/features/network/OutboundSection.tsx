/** What holds for this workspace, and what its compute tried to reach. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { listAccesses } from '../../api/network';
import type { AccessOutcome } from '../../api/types';
import { useSession } from '../../app/session';
import { Link, navigate, useLocation } from '../../lib/router';
import { Button } from '../../ui/Button';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { Segments } from '../compute/Segments';
import { groupsOf } from './accesses';
import { AccessTable } from './AccessTable';
import { AllowDialog } from './AllowDialog';
import { Head } from './Head';
import { HereCard } from './HereCard';
import type { SectionProps } from './NetworkPage';
import type { Hint } from './policy';
import { networkQuery } from './queries';

const REFRESH_MS = 5000;

const OUTCOMES = [
  { key: 'DENIED', label: 'Denied' },
  { key: 'DRY_RUN', label: 'Dry run' },
  { key: 'ALLOWED', label: 'Allowed' },
  { key: '', label: 'All' },
] as const;

export function OutboundSection({ title, text }: SectionProps) {
  const { account_admin } = useSession();
  const network = useQuery(networkQuery);
  const [allowing, setAllowing] = useState<Hint | null>(null);
  return (
    <>
      <Head title={title} text={text}>
        {account_admin && (
          <Link to="/network/policies" className="button">
            Change policies
          </Link>
        )}
      </Head>
      {network.error ? (
        <section className="card">
          <ErrorState error={network.error} retry={() => void network.refetch()} />
        </section>
      ) : (
        <HereCard network={network.data} />
      )}
      <Attempts onAllow={account_admin && network.data ? setAllowing : null} />
      {allowing && network.data && <AllowDialog hint={allowing} policy={network.data.network_policy} onClose={() => setAllowing(null)} />}
    </>
  );
}

function Attempts({ onAllow }: { onAllow: ((hint: Hint) => void) | null }) {
  const { search } = useLocation();
  const sandbox = search.get('sandbox') ?? undefined;
  const asked = search.get('outcome');
  const outcome: AccessOutcome | '' = asked === 'all' ? '' : (OUTCOMES.find(({ key }) => key === asked)?.key ?? 'DENIED');
  const query = useInfiniteQuery({
    queryKey: ['accesses', outcome, sandbox],
    queryFn: ({ pageParam, signal }) => listAccesses({ outcome, sandbox }, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_page_token || undefined,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 1) === 1 ? REFRESH_MS : false),
  });
  const accesses = query.data?.pages.flatMap((page) => page.accesses);
  const go = (change: Record<string, string | undefined>) => {
    const next = new URLSearchParams();
    for (const [key, value] of Object.entries({ outcome: asked ?? undefined, sandbox, ...change })) if (value) next.set(key, value);
    navigate(next.size > 0 ? `/network?${next}` : '/network', { replace: true });
  };
  return (
    <section className="card" aria-label="Attempts">
      <div className="card-head attempts-head">
        <h2>Attempts</h2>
        {sandbox && (
          <span className="badge accent">
            Sandbox {sandbox.slice(0, 12)}
            <button type="button" className="badge-close" aria-label="Of all sandboxes" title="Of all sandboxes" onClick={() => go({ sandbox: undefined })}>
              ×
            </button>
          </span>
        )}
        <span className="grow" />
        <Segments
          label="Which attempts"
          items={OUTCOMES}
          active={outcome}
          onSelect={(key) => go({ outcome: key === 'DENIED' ? undefined : key || 'all' })}
        />
      </div>
      {accesses ? (
        accesses.length > 0 ? (
          <AccessTable groups={groupsOf(accesses)} onAllow={onAllow} />
        ) : (
          <Nothing outcome={outcome} />
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={5} columns={5} />
      )}
      {query.hasNextPage && (
        <div className="load-more">
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Load older ones
          </Button>
        </div>
      )}
    </section>
  );
}

function Nothing({ outcome }: { outcome: AccessOutcome | '' }) {
  const texts: Record<AccessOutcome | '', [string, string]> = {
    DENIED: ['Nothing was denied', 'What compute of this workspace may not reach is listed here, with the reason and the rule that would let it through.'],
    DRY_RUN: ['Nothing would have been denied', 'While a policy is tried out, what it would refuse is let through and listed here.'],
    ALLOWED: ['Nothing was reached', 'Hosts and buckets that compute of this workspace reached are listed here.'],
    '': ['Nothing was tried', 'What compute of this workspace reaches, or tries to, is listed here for 30 days.'],
  };
  const [title, text] = texts[outcome];
  return (
    <EmptyState icon="network" title={title}>
      {text}
    </EmptyState>
  );
}
