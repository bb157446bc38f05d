/** Makes, changes and deletes a pool. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createPool, deletePool, editPool } from '../../api/pools';
import type { InstancePool } from '../../api/types';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';
import { TagFields } from '../warehouses/TagFields';
import { isAws, type Availability } from './draft';
import { NodeTypeField } from './NodeTypeField';
import { newPool, poolDraft, poolProblems, poolSpec, type PoolDraft } from './pool';
import { nodeTypesQuery, poolsQuery } from './queries';

export function PoolDialog({ pool, onClose }: { pool: InstancePool | null; onClose: () => void }) {
  const client = useQueryClient();
  const types = useQuery(nodeTypesQuery);
  // Machines of the workspace's own are there already: there is nothing to keep ready.
  const offered = types.data?.filter(({ node_type_id }) => !node_type_id.startsWith('own.')) ?? [];
  const aws = isAws(offered);
  const [draft, setDraft] = useState<PoolDraft>(() => (pool ? poolDraft(pool) : newPool('')));
  const set = (change: Partial<PoolDraft>) => setDraft((old) => ({ ...old, ...change }));
  const problems = poolProblems(draft);
  const number = (key: 'least' | 'most' | 'minutes', label: string, hint: string) => (
    <TextField label={label} hint={hint} inputMode="numeric" value={draft[key]} problem={problems[key]} onChange={(event) => set({ [key]: event.target.value })} />
  );
  return (
    <FormDialog
      title={pool ? `Edit ${pool.instance_pool_name}` : 'Create pool'}
      submitLabel={pool ? 'Save' : 'Create'}
      disabled={Object.keys(problems).length > 0}
      onClose={onClose}
      onSubmit={async () => {
        const spec = poolSpec(draft, aws, pool !== null);
        const id = pool ? pool.instance_pool_id : await createPool(spec);
        if (pool) await editPool(id, spec);
        await client.invalidateQueries({ queryKey: poolsQuery.queryKey });
        toast(`${draft.name.trim()} ${pool ? 'saved' : 'created'}`);
        if (!pool) navigate(`/clusters/pools/${id}`);
      }}
    >
      <TextField label="Name" maxLength={100} value={draft.name} onChange={(event) => set({ name: event.target.value })} />
      {pool ? (
        <p className="muted small">
          Its hosts are of the type <span className="mono">{pool.node_type_id}</span>, which stays.
        </p>
      ) : (
        <>
          <NodeTypeField label="Node type" types={offered} value={draft.nodeType} same="Choose…" onChange={(nodeType) => set({ nodeType })} />
          {aws && (
            <SelectField label="Availability" hint="Spot hosts cost less; AWS may take them back." value={draft.availability} onChange={(event) => set({ availability: event.target.value as Availability })}>
              <option value="ON_DEMAND">On demand</option>
              <option value="SPOT_WITH_FALLBACK">Spot, on demand where there is none</option>
              <option value="SPOT">Spot only</option>
            </SelectField>
          )}
        </>
      )}
      {number('least', 'Hosts kept idle', 'So many are always ready, and paid for.')}
      {number('most', 'Hosts at most', 'Idle ones and those of clusters together; empty for no limit.')}
      {number('minutes', 'End idle hosts after minutes', 'Those beyond the ones kept idle; 0 at once.')}
      <TagFields tags={draft.tags} onChange={(tags) => set({ tags })} />
    </FormDialog>
  );
}

export function DeletePoolDialog({ pool, onClose }: { pool: InstancePool; onClose: () => void }) {
  const client = useQueryClient();
  return (
    <FormDialog
      title={`Delete ${pool.instance_pool_name}?`}
      submitLabel="Delete pool"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await deletePool(pool.instance_pool_id);
        navigate('/clusters/pools');
        await client.invalidateQueries({ queryKey: poolsQuery.queryKey });
        toast(`${pool.instance_pool_name} deleted`);
      }}
    >
      <p>Its idle hosts end. Clusters keep theirs until they end, and cannot start again with this pool.</p>
    </FormDialog>
  );
}
