/** The account's network policies, and which workspace has which. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deletePolicy, setWorkspaceConnectivity, setWorkspacePolicy } from '../../api/network';
import type { NetworkPolicy } from '../../api/types';
import { useSession } from '../../app/session';
import { plural } from '../../lib/format';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { Head } from './Head';
import { productName } from './HereCard';
import type { SectionProps } from './NetworkPage';
import { accessOf, bucketsOf, DEFAULT_POLICY, hostsOf, isDryRun, isRestricted } from './policy';
import { PolicyDialog } from './PolicyDialog';
import { connectivityQuery, policiesQuery, workspacesQuery } from './queries';

export function PoliciesSection({ title, text }: SectionProps) {
  const { account_id: account } = useSession();
  const client = useQueryClient();
  const query = useQuery(policiesQuery(account));
  const workspaces = useQuery(workspacesQuery(account));
  const [editing, setEditing] = useState<NetworkPolicy | 'new' | null>(null);
  const [deleting, setDeleting] = useState<NetworkPolicy | null>(null);
  const users = (id: string) => workspaces.data?.filter(({ policy }) => policy === id).map(({ workspace_name }) => workspace_name) ?? [];
  const reload = () => client.invalidateQueries({ queryKey: ['network'] });
  return (
    <>
      <Head title={title} text={text}>
        <Button variant="primary" icon="plus" onClick={() => setEditing('new')}>
          Create policy
        </Button>
      </Head>
      <section className="card" aria-label="Policies">
        {query.data ? (
          <PolicyTable list={query.data} users={users} onEdit={setEditing} onDelete={setDeleting} />
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={3} columns={5} />
        )}
      </section>
      <Workspaces policies={query.data} />
      {editing && (
        <PolicyDialog
          policy={editing === 'new' ? null : editing}
          users={editing === 'new' ? [] : users(editing.network_policy_id ?? '')}
          onClose={() => setEditing(null)}
          onSaved={reload}
        />
      )}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.network_policy_id}?`}
          submitLabel="Delete policy"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deletePolicy(account, deleting.network_policy_id ?? '');
            await reload();
            toast(`${deleting.network_policy_id} deleted`);
          }}
        >
          <p>No workspace has it, so nothing changes for what runs.</p>
        </FormDialog>
      )}
    </>
  );
}

interface PolicyTableProps {
  list: readonly NetworkPolicy[];
  users: (id: string) => string[];
  onEdit: (policy: NetworkPolicy) => void;
  onDelete: (policy: NetworkPolicy) => void;
}

function PolicyTable({ list, users, onEdit, onDelete }: PolicyTableProps) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Policy</th>
            <th>Access</th>
            <th>Enforcement</th>
            <th>Allows</th>
            <th>Workspaces</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((policy) => {
            const id = policy.network_policy_id ?? '';
            const used = users(id);
            return (
              <tr key={id}>
                <td>
                  <button type="button" className="link mono" onClick={() => onEdit(policy)}>
                    {id}
                  </button>
                </td>
                <td>
                  <span className={`badge ${isRestricted(policy) ? 'accent' : ''}`}>{isRestricted(policy) ? 'Restricted' : 'Everything'}</span>
                </td>
                <td>
                  <Enforcement policy={policy} />
                </td>
                <td className="nowrap">{allows(policy)}</td>
                <td title={used.join(', ')}>{used.length > 2 ? plural(used.length, 'workspace') : used.join(', ') || <span className="muted">None</span>}</td>
                <td className="actions">
                  <Menu
                    label={`Actions for ${id}`}
                    actions={[
                      { label: 'Edit', icon: 'edit', onSelect: () => onEdit(policy) },
                      { label: 'Delete', icon: 'trash', danger: true, disabled: id === DEFAULT_POLICY || used.length > 0, onSelect: () => onDelete(policy) },
                    ]}
                  >
                    <Icon name="more" />
                  </Menu>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableWrap>
  );
}

function Enforcement({ policy }: { policy: NetworkPolicy }) {
  if (!isRestricted(policy)) return <span className="muted">–</span>;
  if (!isDryRun(policy)) return <span className="badge ok">Enforced</span>;
  const products = accessOf(policy).policy_enforcement?.dry_run_mode_product_filter ?? [];
  return <span className="badge warn">Dry run{products.length > 0 ? `: ${products.map(productName).join(', ')}` : ''}</span>;
}

function allows(policy: NetworkPolicy): string {
  if (!isRestricted(policy)) return 'The whole internet';
  const hosts = hostsOf(accessOf(policy).allowed_internet_destinations).length;
  const buckets = bucketsOf(policy).length;
  const parts = [hosts > 0 ? plural(hosts, 'host') : '', buckets > 0 ? plural(buckets, 'bucket') : ''].filter(Boolean);
  return parts.join(', ') || 'Its own storage only';
}

function Workspaces({ policies }: { policies: readonly NetworkPolicy[] | undefined }) {
  const { account_id: account } = useSession();
  const client = useQueryClient();
  const query = useQuery(workspacesQuery(account));
  const configs = useQuery(connectivityQuery(account));
  const change = async (name: string, work: Promise<unknown>) => {
    try {
      await work;
      toast(`${name} changed`);
    } catch (error) {
      toastError(error);
    } finally {
      await client.invalidateQueries({ queryKey: ['network'] });
    }
  };
  return (
    <section className="card" aria-label="Workspaces">
      <div className="card-head">
        <div>
          <h2>Workspaces</h2>
          <p className="muted small">The policy of each, and the connectivity configuration of its region.</p>
        </div>
      </div>
      {query.data && policies ? (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Workspace</th>
                <th>Region</th>
                <th>Policy</th>
                <th>Connectivity</th>
              </tr>
            </thead>
            <tbody>
              {query.data.map(({ workspace_id, workspace_name: name, aws_region: region, policy, network_connectivity_config_id: config = '' }) => (
                <tr key={workspace_id}>
                  <td>
                    {name} <span className="muted small">{workspace_id}</span>
                  </td>
                  <td className="nowrap">{region}</td>
                  <td>
                    <select
                      className="select small assign"
                      aria-label={`Policy of ${name}`}
                      value={policy}
                      onChange={(event) => void change(name, setWorkspacePolicy(account, String(workspace_id), event.target.value))}
                    >
                      {policies.map(({ network_policy_id: id = '' }) => (
                        <option key={id} value={id}>
                          {id}
                        </option>
                      ))}
                    </select>
                  </td>
                  <td>
                    <select
                      className="select small assign"
                      aria-label={`Connectivity of ${name}`}
                      value={config}
                      onChange={(event) => void change(name, setWorkspaceConnectivity(account, String(workspace_id), event.target.value))}
                    >
                      <option value="">None</option>
                      {configs.data
                        ?.filter((one) => one.region === region || one.network_connectivity_config_id === config)
                        .map((one) => (
                          <option key={one.network_connectivity_config_id} value={one.network_connectivity_config_id}>
                            {one.name}
                          </option>
                        ))}
                    </select>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={2} columns={4} />
      )}
    </section>
  );
}
