/** Creates a cluster, or changes one: a form, or the same as JSON. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type FormEvent } from 'react';
import { createCluster, editCluster, type ListedCluster } from '../../api/clusters';
import type { ClusterSpec, Policy } from '../../api/types';
import { useSession } from '../../app/session';
import { Link, navigate, useLocation } from '../../lib/router';
import { Button } from '../../ui/Button';
import { SelectField, TextArea } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { EmptyState, ErrorNotice, ErrorState, Skeleton } from '../../ui/States';
import { toast } from '../../ui/Toasts';
import { Segments } from '../compute/Segments';
import { ClusterFields } from './ClusterFields';
import type { ListQuery } from './ClustersPage';
import { nameOf } from './ClusterTable';
import { draftOf, isAws, newDraft, parseSpec, problemsOf, specOf, type Draft, type Offer } from './draft';
import { permitted, rulesOf, withPolicy } from './policy';
import { clustersQuery, nodeTypesQuery, policiesQuery, poolsQuery, runtimesQuery, zonesQuery } from './queries';
import { Summary } from './Summary';

interface FormPageProps {
  list: ListQuery;
  edits: boolean;
  /** The cluster to edit, or the one to take everything from. */
  from: string | undefined;
}

export function ClusterFormPage({ list, edits, from }: FormPageProps) {
  const nodeTypes = useQuery(nodeTypesQuery);
  const runtimes = useQuery(runtimesQuery);
  const zones = useQuery({ ...zonesQuery, retry: false });
  const policies = useQuery({ ...policiesQuery, retry: false });
  const pools = useQuery({ ...poolsQuery, refetchInterval: false, retry: false });
  const source = from === undefined ? undefined : list.data?.find(({ cluster_id }) => cluster_id === from);
  const failed = [nodeTypes, runtimes, list].find(({ error, data }) => error && !data);
  if (failed) return <ErrorState error={failed.error} retry={() => void failed.refetch()} />;
  if (!nodeTypes.data || !runtimes.data || zones.isPending || policies.isPending || pools.isPending || (from !== undefined && !list.data)) return <FormLoading />;
  if (from !== undefined && !source) {
    return (
      <section className="card">
        <EmptyState icon="host" title="No such cluster" actions={<Link className="button" to="/clusters">All clusters</Link>}>
          It may have been deleted, or you may not see it.
        </EmptyState>
      </section>
    );
  }
  const offer = { nodeTypes: nodeTypes.data, runtimes: runtimes.data, zones: zones.data?.zones ?? [], pools: pools.data ?? [] };
  return <ClusterForm offer={offer} policies={policies.data ?? []} source={source} edits={edits} />;
}

function FormLoading() {
  return (
    <div className="stack" aria-busy="true">
      <Skeleton width={220} height={26} />
      <Skeleton height={420} />
    </div>
  );
}

interface FormProps {
  offer: Offer;
  policies: readonly Policy[];
  source: ListedCluster | undefined;
  edits: boolean;
}

function ClusterForm({ offer, policies, source, edits }: FormProps) {
  const { user_name: me } = useSession();
  const { search } = useLocation();
  const client = useQueryClient();
  const aws = isAws(offer.nodeTypes);
  const [draft, setDraft] = useState<Draft>(() => firstDraft({ offer, policies, source, edits }, me, search.get('policy')));
  const [json, setJson] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const policy = policies.find(({ policy_id }) => policy_id === draft.rest.policy_id);
  const rules = useMemo(() => rulesOf(policy?.definition), [policy?.definition]);
  const problems = problemsOf(draft, aws);
  const choose = (id: string) => setDraft((old) => chosen(old, policies.find(({ policy_id }) => policy_id === id), { offer, aws, me }));
  const parsed = json === null ? undefined : parseSpec(json);
  const jsonProblem = parsed && 'problem' in parsed ? parsed.problem : undefined;
  const good = parsed ? !jsonProblem : Object.keys(problems).length === 0;
  const show = (view: 'form' | 'json') => {
    if (view === 'json') setJson(JSON.stringify(permitted(specOf(draft, aws), rules), null, 2));
    else if (parsed && 'spec' in parsed) {
      setDraft(draftOf(parsed.spec, me));
      setJson(null);
    }
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const spec: ClusterSpec = parsed && 'spec' in parsed ? parsed.spec : permitted(specOf(draft, aws), rules);
      const id = edits && source ? source.cluster_id : await createCluster(spec);
      if (edits) await editCluster(id, spec);
      await client.invalidateQueries({ queryKey: clustersQuery.queryKey });
      toast(`${spec.cluster_name || id} ${edits ? 'saved' : 'created'}`);
      navigate(`/clusters/${id}`, { replace: true });
    } catch (problem) {
      setError(problem);
      setBusy(false);
    }
  };
  const back = edits && source ? `/clusters/${source.cluster_id}` : '/clusters';
  const restarts = edits && source?.state === 'RUNNING';
  return (
    <>
      <nav className="crumbs" aria-label="Where you are">
        <Link to="/clusters">Clusters</Link>
        <span>{edits && source ? nameOf(source) : 'New'}</span>
      </nav>
      <header className="page-head">
        <h1>{edits && source ? `Edit ${nameOf(source)}` : source ? `Clone ${nameOf(source)}` : 'Create cluster'}</h1>
        <div className="actions">
          <Segments
            label="View"
            items={[
              { key: 'form', label: 'Form' },
              { key: 'json', label: 'JSON' },
            ]}
            active={json === null ? 'form' : 'json'}
            onSelect={show}
          />
        </div>
      </header>
      <form className="cluster-form" onSubmit={(event) => void submit(event)}>
        <div className="cluster-form-main">
          {json === null ? (
            <>
              <PolicyField policies={policies} value={draft.rest.policy_id ?? ''} onChange={choose} />
              <ClusterFields draft={draft} offer={offer} problems={problems} aws={aws} rules={rules} set={(change) => setDraft((old) => ({ ...old, ...change }))} />
            </>
          ) : (
            <section className="card card-body json-view">
              <TextArea label="Specification" hint="As the clusters API takes it. The form shows what it knows of it, and keeps the rest." rows={26} value={json} onChange={setJson} />
              {jsonProblem && (
                <p className="problem" role="alert">
                  {jsonProblem}
                </p>
              )}
            </section>
          )}
        </div>
        <aside className="cluster-form-side">
          <section className="card card-body stack" aria-label="Summary">
            <Summary draft={parsed && 'spec' in parsed ? draftOf(parsed.spec, me) : draft} offer={offer} />
            {restarts && (
              <p className="notice warn small">
                <Icon name="warning" />
                <span>It runs. To save means to restart it on fresh hosts.</span>
              </p>
            )}
            {error !== null && <ErrorNotice error={error} />}
            <Button variant="primary" type="submit" busy={busy} disabled={!good}>
              {edits ? (restarts ? 'Save and restart' : 'Save') : 'Create'}
            </Button>
            <Button onClick={() => navigate(back)} disabled={busy}>
              Cancel
            </Button>
          </section>
        </aside>
      </form>
    </>
  );
}

interface Around {
  offer: Offer;
  aws: boolean;
  me: string;
}

/** The form with what the policy fixes and what is usual with it. */
function chosen(draft: Draft, policy: Policy | undefined, { offer, aws, me }: Around): Draft {
  const { policy_id: _, ...rest } = draft.rest;
  if (!policy) return { ...draft, rest };
  const spec = withPolicy(specOf({ ...draft, rest }, aws), rulesOf(policy.definition), offer.runtimes);
  return draftOf({ ...spec, policy_id: policy.policy_id }, me);
}

function PolicyField({ policies, value, onChange }: { policies: readonly Policy[]; value: string; onChange: (id: string) => void }) {
  const policy = policies.find(({ policy_id }) => policy_id === value);
  return (
    <section className="card card-body" aria-label="Policy">
      <SelectField label="Policy" hint={policy ? policy.description : 'Unrestricted: for those who may create any cluster.'} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">Unrestricted</option>
        {value && !policy && <option value={value}>{value}</option>}
        {policies.map(({ policy_id, name }) => (
          <option key={policy_id} value={policy_id}>
            {name}
          </option>
        ))}
      </SelectField>
    </section>
  );
}

function firstDraft({ offer, policies, source, edits }: FormProps, me: string, policy: string | null): Draft {
  if (!source) {
    const draft = newDraft(offer, me);
    return policy ? chosen(draft, policies.find(({ policy_id }) => policy_id === policy), { offer, aws: isAws(offer.nodeTypes), me }) : draft;
  }
  // As it was asked for: what the server filled in is not made a wish of.
  const draft = draftOf({ ...source.spec, data_security_mode: source.data_security_mode ?? '', ...(source.single_user_name ? { single_user_name: source.single_user_name } : {}) }, me);
  return edits ? draft : { ...draft, name: draft.name ? `${draft.name} (copy)` : '' };
}
