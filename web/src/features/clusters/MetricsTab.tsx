/** What a cluster does now: its hosts, for those who may see them, and the sandboxes on them. */
import { useQuery } from '@tanstack/react-query';
import type { ListedCluster } from '../../api/clusters';
import { useSession } from '../../app/session';
import { formatCount, plural } from '../../lib/format';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { formatCores, shortBytes, sumOf } from '../compute/figures';
import { CpuMeter, HostState, MemoryMeter } from '../compute/HostTable';
import { hostsQuery, sandboxesQuery } from '../compute/queries';
import { SandboxTable } from '../compute/SandboxTable';
import { Tiles } from '../compute/Tiles';

const MIB = 1024 ** 2;

export function MetricsTab({ cluster }: { cluster: ListedCluster }) {
  const { account_admin } = useSession();
  const ids = new Set([cluster.driver, ...(cluster.executors ?? [])].flatMap((host) => (host?.node_id ? [host.node_id] : [])));
  const query = useQuery(sandboxesQuery({}));
  const list = query.data?.filter(({ node_id }) => node_id !== undefined && ids.has(node_id));
  const sum = list && sumOf(list);
  return (
    <>
      <Tiles
        tiles={[
          { label: 'Hosts', value: formatCount(ids.size), note: cluster.cluster_cores === undefined ? 'None runs' : `${plural(cluster.cluster_cores, 'core')}, ${shortBytes((cluster.cluster_memory_mb ?? 0) * MIB)}` },
          { label: 'Sandboxes', value: sum && formatCount(sum.running + sum.starting), note: sum && (sum.starting > 0 ? `${sum.starting} starting` : 'that you may see') },
          { label: 'CPU in use', value: sum && formatCores(sum.cores * 1000), note: sum && `of ${plural(sum.cpuMillis / 1000, 'processor')}` },
          { label: 'Memory in use', value: sum && shortBytes(sum.memory), note: sum && `of ${shortBytes(sum.memoryMax)}` },
          { label: 'Connections', value: sum && formatCount(sum.allowed), note: sum && `${formatCount(sum.denied)} denied`, ...(sum && sum.denied > 0 ? { tone: 'danger' as const } : {}) },
        ]}
      />
      {account_admin && ids.size > 0 && <HostMeters ids={ids} driver={cluster.driver?.node_id} />}
      <section className="card" aria-label="Sandboxes">
        <div className="card-head">
          <h2>Sandboxes</h2>
          <span className="muted small">Each person’s code and runtime, apart from the others’.</span>
        </div>
        {list ? (
          list.length > 0 ? (
            <SandboxTable list={list} />
          ) : (
            <EmptyState icon="code" title="Nothing runs">
              {cluster.state === 'RUNNING' ? 'A sandbox starts with the first command that somebody sends.' : 'The cluster has to run first.'}
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={2} columns={7} />
        )}
      </section>
    </>
  );
}

function HostMeters({ ids, driver }: { ids: ReadonlySet<string>; driver: string | undefined }) {
  const query = useQuery(hostsQuery);
  const hosts = query.data?.filter(({ id }) => ids.has(id)).sort((a, b) => Number(b.id === driver) - Number(a.id === driver) || a.id.localeCompare(b.id));
  return (
    <section className="card" aria-label="Hosts">
      <div className="card-head">
        <h2>Hosts</h2>
      </div>
      {hosts ? (
        hosts.length > 0 ? (
          <TableWrap>
            <table className="plain host-table">
              <thead>
                <tr>
                  <th>Host</th>
                  <th>State</th>
                  <th className="meter-column">CPU</th>
                  <th className="meter-column">Memory</th>
                  <th className="num">Sandboxes</th>
                </tr>
              </thead>
              <tbody>
                {hosts.map((host) => (
                  <tr key={host.id}>
                    <td>
                      {host.id === driver ? 'Driver' : 'Worker'}
                      <span className="resource-note mono">{host.id}</span>
                    </td>
                    <td>
                      <HostState state={host.state} />
                    </td>
                    <td>
                      <CpuMeter host={host} full />
                    </td>
                    <td>
                      <MemoryMeter host={host} full />
                    </td>
                    <td className="num">{formatCount(host.sandboxes.length)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableWrap>
        ) : (
          <EmptyState icon="host" title="No host is connected">
            They dial in when they have started.
          </EmptyState>
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={Math.min(ids.size, 4)} columns={5} />
      )}
    </section>
  );
}
