/** The page of one policy: its rules, the clusters that keep to it or not, who may use it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { enforceCompliance, type ClusterCompliance, type Enforced } from '../../api/policies';
import type { Policy } from '../../api/types';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { EmptyState, ErrorState, Skeleton, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { toast, toastError } from '../../ui/Toasts';
import { useTab } from '../catalog/useTab';
import { PermissionsCard } from '../warehouses/PermissionsCard';
import { nameOf } from './ClusterTable';
import { PolicyMenu, type PolicyAsk } from './PoliciesPage';
import { rulesOf, ruleText } from './policy';
import { clustersQuery, complianceQuery } from './queries';

const VIEWS: readonly TabItem<'rules' | 'compliance' | 'permissions'>[] = [
  { key: 'rules', label: 'Rules' },
  { key: 'compliance', label: 'Clusters' },
  { key: 'permissions', label: 'Permissions' },
];

interface DetailProps {
  /** Undefined: the list is not loaded; null: it is not in it. */
  policy: Policy | null | undefined;
  onAsk: (ask: PolicyAsk) => void;
}

export function PolicyDetail({ policy, onAsk }: DetailProps) {
  const [view, setView] = useTab(
    VIEWS.map(({ key }) => key),
    'rules',
  );
  if (policy === null) {
    return (
      <section className="card">
        <EmptyState icon="shield" title="No such policy" actions={<Link className="button" to="/clusters/policies">All policies</Link>}>
          It may have been deleted, or you may not use it.
        </EmptyState>
      </section>
    );
  }
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/clusters/policies">Policies</Link>
        <span>{policy?.name ?? '…'}</span>
      </nav>
      <header className="page-head">
        <div>
          <h1>{policy ? policy.name : <Skeleton width={220} height={26} />}</h1>
          <p>{policy?.description}</p>
        </div>
        {policy && (
          <div className="actions">
            <Button variant="primary" icon="plus" onClick={() => navigate(`/clusters/new?policy=${policy.policy_id}`)}>
              Create cluster
            </Button>
            <PolicyMenu policy={policy} onAsk={onAsk} />
          </div>
        )}
      </header>
      <Tabs items={VIEWS} active={view} onSelect={setView} label={`About ${policy?.name ?? 'the policy'}`} idBase="policy" />
      <div id="policy-panel" role="tabpanel" aria-labelledby={`policy-tab-${view}`} className="warehouse-panel">
        {!policy && <Skeleton height={260} />}
        {policy && view === 'rules' && <RulesCard policy={policy} />}
        {policy && view === 'compliance' && <ComplianceCard policy={policy} />}
        {policy && view === 'permissions' && (
          <section className="card" aria-label="Permissions">
            <PermissionsCard object={{ type: 'cluster-policies', id: policy.policy_id }} name={policy.name ?? ''} />
          </section>
        )}
      </div>
    </>
  );
}

function RulesCard({ policy }: { policy: Policy }) {
  const rules = Object.entries(rulesOf(policy.definition));
  return (
    <section className="card" aria-label="Rules">
      {policy.max_clusters_per_user !== undefined && (
        <div className="card-head">
          <p className="muted small">Each user has at most {policy.max_clusters_per_user} active clusters with it.</p>
        </div>
      )}
      {rules.length === 0 ? (
        <EmptyState icon="shield" title="No rules">
          Clusters with this policy may be anything.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Attribute</th>
                <th>Type</th>
                <th>Value</th>
                <th>Usual value</th>
                <th>In forms</th>
              </tr>
            </thead>
            <tbody>
              {rules.map(([path, rule]) => (
                <tr key={path}>
                  <td className="mono">{path}</td>
                  <td>
                    {rule.type} {rule.isOptional && <span className="badge">optional</span>}
                  </td>
                  <td>{ruleText(rule)}</td>
                  <td>{rule.defaultValue === undefined ? <span className="muted">–</span> : String(rule.defaultValue)}</td>
                  <td>{rule.hidden ? 'Hidden' : <span className="muted">Shown</span>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
    </section>
  );
}

function ComplianceCard({ policy }: { policy: Policy }) {
  const query = useQuery(complianceQuery(policy.policy_id));
  const clusters = useQuery(clustersQuery);
  const [plan, setPlan] = useState<{ cluster: string; name: string; plan: Enforced } | null>(null);
  const client = useQueryClient();
  const name = (id: string) => {
    const found = clusters.data?.find(({ cluster_id }) => cluster_id === id);
    return found ? nameOf(found) : id;
  };
  const look = async (cluster: string) => {
    try {
      setPlan({ cluster, name: name(cluster), plan: await enforceCompliance(cluster, true) });
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <section className="card" aria-label="Clusters with this policy">
      {query.error && !query.data ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : !query.data ? (
        <SkeletonRows rows={3} columns={3} />
      ) : query.data.length === 0 ? (
        <EmptyState icon="host" title="No cluster has it">
          Clusters made with this policy show here, and whether they still keep to it.
        </EmptyState>
      ) : (
        <ComplianceTable list={query.data} name={name} onEnforce={(id) => void look(id)} />
      )}
      {plan && (
        <FormDialog
          title={`Make ${plan.name} keep to the policy?`}
          submitLabel="Change cluster"
          onClose={() => setPlan(null)}
          onSubmit={async () => {
            await enforceCompliance(plan.cluster, false);
            await client.invalidateQueries({ queryKey: policiesKey });
            toast(`${plan.name} changed`);
          }}
        >
          <p>A cluster that runs is restarted on fresh hosts.</p>
          <ul>
            {plan.plan.changes.map(({ field, previous_value, new_value }) => (
              <li key={field}>
                <span className="mono">{field}</span>: {previous_value ?? 'nothing'} → {new_value ?? 'nothing'}
              </li>
            ))}
          </ul>
        </FormDialog>
      )}
    </section>
  );
}

const policiesKey = ['cluster-policies'];

function ComplianceTable({ list, name, onEnforce }: { list: readonly ClusterCompliance[]; name: (id: string) => string; onEnforce: (id: string) => void }) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Cluster</th>
            <th>Keeps to it</th>
            <th>What does not</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map(({ cluster_id, is_compliant, violations }) => (
            <tr key={cluster_id}>
              <td>
                <Link to={`/clusters/${cluster_id}`}>{name(cluster_id)}</Link>
              </td>
              <td>{is_compliant ? <span className="badge ok">Yes</span> : <span className="badge warn">No</span>}</td>
              <td>
                {Object.entries(violations ?? {}).map(([path, what]) => (
                  <div key={path}>
                    <span className="mono">{path}</span>: {what}
                  </div>
                ))}
              </td>
              <td className="actions">
                {!is_compliant && (
                  <Button small onClick={() => onEnforce(cluster_id)}>
                    Enforce
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}
