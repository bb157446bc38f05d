/** The hosts that run compute, for the operator: admins of the account. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { drainHost, forgetHost, resumeHost } from '../../api/compute';
import type { HostInfo } from '../../api/types';
import type { PageProps } from '../../app/App';
import { NotFound } from '../../app/NotFound';
import { useSession } from '../../app/session';
import { formatCount, plural } from '../../lib/format';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { Icon } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { toast, toastError } from '../../ui/Toasts';
import { ComputeNav } from './ComputeNav';
import { formatCores, givenOf, shortBytes } from './figures';
import { HostDialog } from './HostDialog';
import { HostTable, type HostAction } from './HostTable';
import { hostsQuery } from './queries';
import { Tiles } from './Tiles';

export default function HostsPage({ params }: PageProps) {
  const { account_admin } = useSession();
  return account_admin ? <Hosts openId={params['id']} /> : <NotFound />;
}

function Hosts({ openId }: { openId: string | undefined }) {
  const client = useQueryClient();
  const query = useQuery(hostsQuery);
  const [asking, setAsking] = useState<{ host: HostInfo; action: 'drain' | 'forget' } | null>(null);
  const list = query.data;
  const open = list?.find(({ id }) => id === openId);
  const reload = () => client.invalidateQueries({ queryKey: hostsQuery.queryKey });
  const act = (host: HostInfo, action: HostAction) => {
    if (action === 'show') navigate(`/hosts/${host.id}`);
    else if (action === 'resume') void resumeHost(host.id).then(() => toast('The host takes sandboxes again')).catch(toastError).finally(reload);
    else setAsking({ host, action });
  };
  return (
    <div className="page">
      <div className="page-inner">
        <ComputeNav />
        <header className="page-head">
          <div>
            <h1>Hosts</h1>
            <p>Machines that run the node agent. They connect by themselves; the control plane dials none of them.</p>
          </div>
        </header>
        <Figures list={list} />
        {list && list.some(({ isolation }) => isolation === 'none') && (
          <div className="notice danger page-notice">
            <Icon name="warning" />
            <div>
              <strong>A host isolates nothing.</strong> Whoever may run a statement there may do what the agent may. Use it for development only.
            </div>
          </div>
        )}
        <section className="card" aria-label="All hosts">
          {list ? (
            list.length > 0 ? (
              <HostTable list={list} onAction={act} />
            ) : (
              <EmptyState icon="host" title="No host has ever connected">
                Make a token with “biplane node-token create” on the server, then start “biplane node” with it on the machine.
              </EmptyState>
            )
          ) : query.error ? (
            <ErrorState error={query.error} retry={() => void query.refetch()} />
          ) : (
            <SkeletonRows rows={3} columns={7} />
          )}
        </section>
      </div>
      {open && <HostDialog host={open} onClose={() => navigate('/hosts', { replace: true })} />}
      {asking?.action === 'drain' && (
        <FormDialog
          title="Drain this host?"
          submitLabel="Drain"
          onClose={() => setAsking(null)}
          onSubmit={async () => {
            await drainHost(asking.host.id);
            await reload();
            toast('The host takes nothing new');
          }}
        >
          <p>
            Nothing new is placed on <code>{asking.host.id}</code>. Engines of warehouses move to other hosts as soon as there is room, and end here when
            their statements have. Code of users stays until they are done. Nothing is cut off.
          </p>
        </FormDialog>
      )}
      {asking?.action === 'forget' && (
        <FormDialog
          title="Remove this host?"
          submitLabel="Remove"
          danger
          onClose={() => setAsking(null)}
          onSubmit={async () => {
            await forgetHost(asking.host.id);
            await reload();
            toast('Removed');
          }}
        >
          <p>It is refused from now on. To come back, it joins with a new token.</p>
        </FormDialog>
      )}
    </div>
  );
}

function Figures({ list }: { list: readonly HostInfo[] | undefined }) {
  const here = list?.filter(({ state }) => state !== 'LOST');
  const add = (value: (host: HostInfo) => number) => here?.reduce((sum, host) => sum + value(host), 0) ?? 0;
  const count = (state: HostInfo['state']) => list?.filter((host) => host.state === state).length ?? 0;
  const [lost, draining] = [count('LOST'), count('DRAINING')];
  const states = [draining > 0 ? `${draining} draining` : '', lost > 0 ? `${lost} lost` : ''].filter(Boolean).join(', ');
  const prestarted = add(({ prestarted }) => prestarted ?? 0);
  return (
    <Tiles
      tiles={[
        { label: 'Hosts ready', value: list && formatCount(count('READY')), note: list && (states || 'all of them'), ...(lost > 0 ? { tone: 'danger' as const } : {}) },
        { label: 'CPU given', value: here && formatCores(add((host) => givenOf(host).cpuMillis)), note: here && `of ${plural(add(({ cpus }) => cpus), 'processor')}` },
        { label: 'Memory given', value: here && shortBytes(add((host) => givenOf(host).memory)), note: here && `of ${shortBytes(add(({ memory_bytes }) => memory_bytes))}` },
        {
          label: 'Sandboxes',
          value: here && formatCount(add(({ sandboxes }) => sandboxes.length)),
          note: here && (prestarted > 0 ? `and ${plural(prestarted, 'engine')} started ahead` : 'on all hosts'),
        },
      ]}
    />
  );
}
