/** Cluster policies: the list, or the page of one. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { PageProps } from '../../app/App';
import { useSession } from '../../app/session';
import type { Policy } from '../../api/types';
import { plural } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { ComputeNav } from '../compute/ComputeNav';
import { rulesOf } from './policy';
import { PolicyDetail } from './PolicyDetail';
import { DeletePolicyDialog, PolicyDialog } from './PolicyDialogs';
import { clustersQuery, familiesQuery, policiesQuery } from './queries';
import '../warehouses/warehouses.css';

export type PolicyAsk = { what: 'edit' | 'copy' | 'delete'; policy: Policy } | { what: 'new' };

export default function PoliciesPage({ params: { action: id } }: PageProps) {
  const query = useQuery(policiesQuery);
  const [asking, setAsking] = useState<PolicyAsk | null>(null);
  const close = () => setAsking(null);
  return (
    <div className="page">
      <div className="page-inner">
        {query.error && !query.data ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : id ? (
          <PolicyDetail key={id} policy={query.data && (query.data.find(({ policy_id }) => policy_id === id) ?? null)} onAsk={setAsking} />
        ) : (
          <All list={query.data} onAsk={setAsking} />
        )}
      </div>
      {asking?.what === 'delete' && <DeletePolicyDialog policy={asking.policy} onClose={close} />}
      {asking && asking.what !== 'delete' && <PolicyDialog from={asking.what === 'new' ? null : asking.policy} edits={asking.what === 'edit'} onClose={close} />}
    </div>
  );
}

function All({ list, onAsk }: { list: readonly Policy[] | undefined; onAsk: (ask: PolicyAsk) => void }) {
  const { workspace_admin } = useSession();
  return (
    <>
      <ComputeNav />
      <header className="page-head">
        <div>
          <h1>Cluster policies</h1>
          <p>What clusters may be. Who may use a policy makes clusters that keep to it, and needs no other right for that.</p>
        </div>
        {workspace_admin && (
          <div className="actions">
            <Button variant="primary" icon="plus" onClick={() => onAsk({ what: 'new' })}>
              Create policy
            </Button>
          </div>
        )}
      </header>
      <section className="card" aria-label="All policies">
        {!list ? (
          <SkeletonRows rows={4} columns={5} />
        ) : list.length > 0 ? (
          <PolicyTable list={list} onAsk={onAsk} />
        ) : (
          <EmptyState icon="shield" title="No policy">
            An admin of the workspace can let you use one.
          </EmptyState>
        )}
      </section>
    </>
  );
}

function PolicyTable({ list, onAsk }: { list: readonly Policy[]; onAsk: (ask: PolicyAsk) => void }) {
  const families = useQuery(familiesQuery);
  const clusters = useQuery(clustersQuery);
  const family = (id: string | undefined) => families.data?.find(({ policy_family_id }) => policy_family_id === id)?.name ?? id ?? 'Custom';
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>Family</th>
            <th>Rules</th>
            <th>Clusters</th>
            <th>Made by</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((policy) => {
            const used = clusters.data?.filter(({ policy_id }) => policy_id === policy.policy_id).length;
            return (
              <tr key={policy.policy_id}>
                <td>
                  <Link to={`/clusters/policies/${policy.policy_id}`}>{policy.name}</Link>
                </td>
                <td>{family(policy.policy_family_id)}</td>
                <td>{plural(Object.keys(rulesOf(policy.definition)).length, 'rule')}</td>
                <td>{used === undefined ? '…' : used}</td>
                <td>{policy.is_default ? <span className="badge">Default</span> : (policy.creator_user_name ?? '–')}</td>
                <td className="actions">
                  <PolicyMenu policy={policy} onAsk={onAsk} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableWrap>
  );
}

export function PolicyMenu({ policy, onAsk }: { policy: Policy; onAsk: (ask: PolicyAsk) => void }) {
  const { workspace_admin } = useSession();
  return (
    <Menu
      label={`Actions for ${policy.name}`}
      actions={[
        { label: 'Create cluster', icon: 'plus', onSelect: () => navigate(`/clusters/new?policy=${policy.policy_id}`) },
        { label: 'Edit', icon: 'edit', disabled: !workspace_admin, onSelect: () => onAsk({ what: 'edit', policy }) },
        { label: 'Clone', icon: 'copy', disabled: !workspace_admin, onSelect: () => onAsk({ what: 'copy', policy }) },
        { label: 'Delete', icon: 'trash', danger: true, disabled: !workspace_admin || policy.is_default, onSelect: () => onAsk({ what: 'delete', policy }) },
      ]}
    >
      <Icon name="more" />
    </Menu>
  );
}
