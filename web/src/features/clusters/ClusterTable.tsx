import type { ListedCluster } from '../../api/clusters';
import type { RuntimeVersion } from '../../api/types';
import { useSession } from '../../app/session';
import { formatAgo, plural } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button, IconButton } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu, type MenuAction } from '../../ui/Menu';
import { TableWrap } from '../../ui/TableWrap';
import { shortBytes } from '../compute/figures';
import { StateBadge } from './StateBadge';
import { may, modeText, runtimeText, sizeText } from './state';
import { useClusterActions } from './useClusterActions';

export type Ask = (cluster: ListedCluster, what: 'delete' | 'restart' | 'resize') => void;

interface TableProps {
  list: readonly ListedCluster[];
  runtimes: readonly RuntimeVersion[] | undefined;
  onAsk: Ask;
}

const MIB = 1024 ** 2;

export function ClusterTable({ list, runtimes, onAsk }: TableProps) {
  const { workspace_admin } = useSession();
  const { pin } = useClusterActions();
  return (
    <TableWrap>
      <table className="plain cluster-table">
        <thead>
          <tr>
            <th>
              <span className="visually-hidden">Pinned</span>
            </th>
            <th>Name</th>
            <th>State</th>
            <th>Runtime</th>
            <th>Nodes</th>
            <th>Access</th>
            <th className="wide-only">Creator</th>
            <th className="wide-only">Last start</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={one.cluster_id}>
              <td className="pin-cell">
                {workspace_admin ? (
                  <IconButton
                    icon="star"
                    label={one.pinned ? `Unpin ${nameOf(one)}` : `Pin ${nameOf(one)}`}
                    aria-pressed={one.pinned}
                    className={one.pinned ? 'pinned' : ''}
                    onClick={() => pin.mutate({ id: one.cluster_id, on: !one.pinned })}
                  />
                ) : (
                  one.pinned && (
                    <span className="pinned" title="Pinned">
                      <Icon name="star" />
                    </span>
                  )
                )}
              </td>
              <td>
                <Link to={`/clusters/${one.cluster_id}`}>{nameOf(one)}</Link>
              </td>
              <td>
                <StateBadge state={one.state} />
              </td>
              <td className="nowrap">{runtimeText(one.spark_version, runtimes?.find(({ key }) => key === one.spark_version)?.name)}</td>
              <td className="nowrap">
                {sizeText(one)}
                <span className="resource-note">{resources(one)}</span>
              </td>
              <td>
                {modeText(one.data_security_mode)}
                {one.single_user_name && <span className="resource-note">{one.single_user_name}</span>}
              </td>
              <td className="muted wide-only">{one.creator_user_name}</td>
              <td className="muted nowrap wide-only">{formatAgo(one.last_restarted_time ?? one.start_time)}</td>
              <td className="actions">
                <StartStop cluster={one} />
                <ClusterMenu cluster={one} onAsk={onAsk} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

export const nameOf = ({ cluster_name, cluster_id }: ListedCluster): string => cluster_name || cluster_id;

function resources({ cluster_cores, cluster_memory_mb, node_type_id }: ListedCluster): string {
  if (cluster_cores === undefined || cluster_memory_mb === undefined) return node_type_id ?? '';
  return `${plural(cluster_cores, 'core')}, ${shortBytes(cluster_memory_mb * MIB)}`;
}

export function StartStop({ cluster, large = false }: { cluster: ListedCluster; large?: boolean }) {
  const { start, terminate } = useClusterActions();
  const ended = cluster.state === 'TERMINATED' || cluster.state === 'TERMINATING';
  return ended ? (
    <Button
      small={!large}
      icon="play"
      className="start-terminate"
      busy={start.isPending}
      disabled={!may.start(cluster)}
      aria-label={`Start ${nameOf(cluster)}`}
      onClick={() => start.mutate(cluster.cluster_id)}
    >
      Start
    </Button>
  ) : (
    <Button
      small={!large}
      icon="stop"
      className="start-terminate"
      busy={terminate.isPending}
      aria-label={`Terminate ${nameOf(cluster)}`}
      onClick={() => terminate.mutate(cluster.cluster_id)}
    >
      Terminate
    </Button>
  );
}

interface MenuProps {
  cluster: ListedCluster;
  onAsk: Ask;
  large?: boolean;
}

export function ClusterMenu({ cluster, onAsk, large = false }: MenuProps) {
  const { workspace_admin } = useSession();
  const { pin } = useClusterActions();
  const id = cluster.cluster_id;
  const actions: MenuAction[] = [
    { label: 'Restart', icon: 'refresh', disabled: !may.restart(cluster), onSelect: () => onAsk(cluster, 'restart') },
    { label: 'Resize', icon: 'host', disabled: !may.resize(cluster), onSelect: () => onAsk(cluster, 'resize') },
    { label: 'Edit', icon: 'edit', disabled: !may.edit(cluster), onSelect: () => navigate(`/clusters/${id}/edit`) },
    { label: 'Clone', icon: 'copy', onSelect: () => navigate(`/clusters/new?from=${id}`) },
    ...(workspace_admin ? [{ label: cluster.pinned ? 'Unpin' : 'Pin', icon: 'star' as const, onSelect: () => pin.mutate({ id, on: !cluster.pinned }) }] : []),
    { label: 'Delete', icon: 'trash', danger: true, onSelect: () => onAsk(cluster, 'delete') },
  ];
  return (
    <Menu label={`Actions for ${nameOf(cluster)}`} className={large ? 'button icon' : 'button ghost icon small'} actions={actions}>
      <Icon name="more" />
    </Menu>
  );
}
