/** One host: what it is, and what runs on it. */
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactNode } from 'react';
import type { HostInfo } from '../../api/types';
import { formatAgo, formatTime, plural } from '../../lib/format';
import { Button } from '../../ui/Button';
import { CodeLine } from '../../ui/CopyButton';
import { Dialog } from '../../ui/Dialog';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { CpuMeter, HostState, MemoryMeter, Where } from './HostTable';
import { levelOf, Reasons } from './IsolationBadge';
import { sandboxesQuery } from './queries';
import { SandboxTable } from './SandboxTable';

export function HostDialog({ host, onClose }: { host: HostInfo; onClose: () => void }) {
  const query = useQuery(sandboxesQuery({ all_workspaces: true, node_id: host.id }));
  const level = levelOf(host.isolation);
  const rows: [string, ReactNode][] = [
    ['State', <HostState key="state" state={host.state} />],
    ['Region and labels', <Where key="where" host={host} />],
    [
      'Isolation',
      <div key="isolation">
        {level.label}. {level.text}
        {host.isolation_reasons.length > 0 && <Reasons reasons={host.isolation_reasons} />}
      </div>,
    ],
    ['CPU', <CpuMeter key="cpu" host={host} full />],
    ['Memory', <MemoryMeter key="memory" host={host} full />],
    ['Started ahead', plural(host.prestarted ?? 0, 'engine')],
    ['Python for users', host.python ? `Version ${host.python}` : 'None'],
    ['Agent', host.version],
    ['Last heartbeat', `${formatAgo(host.last_seen_at)} (${formatTime(host.last_seen_at)})`],
  ];
  return (
    <Dialog
      title="Host"
      size="huge"
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose} data-autofocus="">
          Close
        </Button>
      }
    >
      <CodeLine text={host.id} label="Copy the host id" />
      <dl className="kv">
        {rows.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
      <h3>Sandboxes</h3>
      <div className="card">
        {query.data ? (
          query.data.length > 0 ? (
            <SandboxTable list={query.data} workspace />
          ) : (
            <EmptyState icon="shield" title="Nothing runs here">
              {host.state === 'READY' ? 'It takes sandboxes of every workspace that it fits.' : 'It can be taken away now.'}
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={2} columns={6} />
        )}
      </div>
    </Dialog>
  );
}
