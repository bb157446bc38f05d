/** How a cluster is made: its specification, its hosts, its tags. */
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactNode } from 'react';
import type { ListedCluster } from '../../api/clusters';
import type { ClusterHost } from '../../api/types';
import { formatAgo, formatTime, plural } from '../../lib/format';
import { CodeLine } from '../../ui/CopyButton';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { nodeTypesQuery, runtimesQuery } from './queries';
import { modeText, nodeTypeText, sizeText } from './state';

export function ConfigurationTab({ cluster }: { cluster: ListedCluster }) {
  const types = useQuery(nodeTypesQuery);
  const runtimes = useQuery(runtimesQuery);
  const type = (id: string | undefined) => {
    const known = types.data?.find(({ node_type_id }) => node_type_id === id);
    return known ? nodeTypeText(known) : (id ?? '–');
  };
  const { aws_attributes: aws } = cluster;
  const rows: [string, ReactNode][] = [
    ['Access mode', cluster.single_user_name ? `${modeText(cluster.data_security_mode)}: ${cluster.single_user_name}` : modeText(cluster.data_security_mode)],
    ['Runtime version', runtimes.data?.find(({ key }) => key === cluster.spark_version)?.name ?? cluster.spark_version ?? '–'],
    ['Workers', sizeText(cluster)],
    [cluster.num_workers === 0 && !cluster.autoscale ? 'Node type' : 'Worker type', type(cluster.node_type_id)],
    ...(cluster.driver_node_type_id !== cluster.node_type_id ? ([['Driver type', type(cluster.driver_node_type_id)]] as [string, ReactNode][]) : []),
    ['Terminates', cluster.autotermination_minutes ? `After ${plural(cluster.autotermination_minutes, 'minute')} without use` : 'Never by itself'],
    ...(aws ? ([['AWS', [aws.availability?.toLowerCase().replaceAll('_', ' '), aws.zone_id && `zone ${aws.zone_id}`, aws.ebs_volume_size && `${aws.ebs_volume_size} GiB disk`].filter(Boolean).join(', ')]] as [string, ReactNode][]) : []),
    ['Creator', cluster.creator_user_name],
    ['Last start', `${formatTime(cluster.last_restarted_time ?? cluster.start_time)}`],
    ['Tags', <Tags key="tags" tags={{ ...cluster.custom_tags, ...cluster.default_tags }} />],
  ];
  return (
    <>
      <div className="overview-columns">
        <section className="card" aria-label="Configuration">
          <div className="card-head">
            <h2>Configuration</h2>
          </div>
          <dl className="kv card-body overview-kv">
            {rows.map(([name, value]) => (
              <Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </Fragment>
            ))}
          </dl>
        </section>
        <Connect cluster={cluster} />
      </div>
      <Pairs title="Spark configuration" pairs={cluster.spark_conf} />
      <Pairs title="Environment variables" pairs={cluster.spark_env_vars} />
      <Hosts cluster={cluster} />
    </>
  );
}

function Tags({ tags }: { tags: Record<string, string> }) {
  return (
    <span className="tag-list">
      {Object.entries(tags).map(([key, value]) => (
        <span key={key} className="badge">
          {value ? `${key}: ${value}` : key}
        </span>
      ))}
    </span>
  );
}

function Connect({ cluster: { cluster_id } }: { cluster: ListedCluster }) {
  const host = location.origin;
  return (
    <section className="card" aria-label="Connect">
      <div className="card-head">
        <h2>Connect</h2>
      </div>
      <div className="card-body stack">
        <div className="field">
          <span className="field-label">Cluster id</span>
          <CodeLine text={cluster_id} label="Copy the cluster id" />
        </div>
        <div className="field">
          <span className="field-label">Databricks Connect</span>
          <CodeLine text={`DatabricksSession.builder.remote(host="${host}", token=…, cluster_id="${cluster_id}").getOrCreate()`} label="Copy the line for Databricks Connect" />
        </div>
        <p className="muted small">With an access token of yours. Commands of the SDK’s command execution API take the same id.</p>
      </div>
    </section>
  );
}

function Pairs({ title, pairs }: { title: string; pairs: Record<string, string> | undefined }) {
  const all = Object.entries(pairs ?? {});
  if (all.length === 0) return null;
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <h2>{title}</h2>
      </div>
      <dl className="kv card-body overview-kv pairs">
        {all.map(([key, value]) => (
          <Fragment key={key}>
            <dt className="mono">{key}</dt>
            <dd className="mono">{value}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function Hosts({ cluster }: { cluster: ListedCluster }) {
  const hosts: [string, ClusterHost][] = [
    ...(cluster.driver ? [['Driver', cluster.driver] as [string, ClusterHost]] : []),
    ...(cluster.executors ?? []).map((host): [string, ClusterHost] => ['Worker', host]),
  ];
  return (
    <section className="card" aria-label="Hosts">
      <div className="card-head">
        <h2>Hosts</h2>
        <span className="muted small">They dial in; the control plane dials none of them.</span>
      </div>
      {hosts.length > 0 ? (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Role</th>
                <th>Instance</th>
                <th>Private address</th>
                {cluster.aws_attributes && <th>Price</th>}
                <th>Since</th>
              </tr>
            </thead>
            <tbody>
              {hosts.map(([role, host]) => (
                <tr key={host.node_id}>
                  <td>{role}</td>
                  <td className="mono">{host.instance_id}</td>
                  <td className="mono">{host.private_ip ?? '–'}</td>
                  {cluster.aws_attributes && <td>{host.node_aws_attributes?.is_spot ? 'Spot' : 'On demand'}</td>}
                  <td className="nowrap muted" title={formatTime(host.start_timestamp)}>
                    {formatAgo(host.start_timestamp)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      ) : (
        <EmptyState icon="host" title="No hosts">
          {cluster.state === 'TERMINATED' ? 'Start the cluster to get some.' : 'They are on their way.'}
        </EmptyState>
      )}
    </section>
  );
}
