/** Makes, changes and deletes a policy: of a family with what differs from it, or with rules of its own. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createPolicy, deletePolicy, editPolicy } from '../../api/policies';
import type { Policy, PolicySpec } from '../../api/types';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextArea, TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';
import { definitionProblem } from './policy';
import { familiesQuery, policiesQuery } from './queries';

interface Draft {
  name: string;
  description: string;
  /** Empty: rules of its own. */
  family: string;
  rules: string;
  most: string;
}

const pretty = (text: string | undefined) => {
  try {
    return JSON.stringify(JSON.parse(text ?? '{}'), null, 2);
  } catch {
    return text ?? '';
  }
};

function draftOf(policy: Policy | null, edits: boolean): Draft {
  if (!policy) return { name: '', description: '', family: '', rules: '{}', most: '' };
  return {
    name: edits ? (policy.name ?? '') : `${policy.name} (copy)`,
    description: policy.description ?? '',
    family: policy.policy_family_id ?? '',
    rules: pretty(policy.policy_family_id ? policy.policy_family_definition_overrides : policy.definition),
    most: policy.max_clusters_per_user ? String(policy.max_clusters_per_user) : '',
  };
}

/** Libraries are kept: the form does not know them. */
function specOf(draft: Draft, libraries: PolicySpec['libraries']): PolicySpec {
  const rules = draft.rules.trim() || '{}';
  return {
    name: draft.name.trim(),
    ...(draft.description.trim() ? { description: draft.description.trim() } : {}),
    ...(draft.family ? { policy_family_id: draft.family, ...(rules === '{}' ? {} : { policy_family_definition_overrides: rules }) } : { definition: rules }),
    ...(draft.most.trim() ? { max_clusters_per_user: Number(draft.most) } : {}),
    ...(libraries ? { libraries } : {}),
  };
}

export function PolicyDialog({ from, edits, onClose }: { from: Policy | null; edits: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const families = useQuery(familiesQuery);
  const [draft, setDraft] = useState(() => draftOf(from, edits));
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const problem = definitionProblem(draft.rules.trim() || '{}');
  const mostProblem = /^\s*([1-9]\d{0,5})?\s*$/.test(draft.most) ? undefined : 'A number, or nothing for no limit.';
  const family = families.data?.find(({ policy_family_id }) => policy_family_id === draft.family);
  return (
    <FormDialog
      title={edits && from ? `Edit ${from.name}` : 'Create policy'}
      submitLabel={edits ? 'Save' : 'Create'}
      wide
      disabled={!draft.name.trim() || Boolean(problem ?? mostProblem)}
      onClose={onClose}
      onSubmit={async () => {
        const spec = specOf(draft, from?.libraries);
        const id = edits && from ? from.policy_id : await createPolicy(spec);
        if (edits) await editPolicy(id, spec);
        await client.invalidateQueries({ queryKey: policiesQuery.queryKey });
        toast(`${spec.name} ${edits ? 'saved' : 'created'}`);
        if (!edits) navigate(`/clusters/policies/${id}`);
      }}
    >
      <TextField label="Name" maxLength={100} value={draft.name} onChange={(event) => set({ name: event.target.value })} />
      <TextField label="Description" maxLength={1000} value={draft.description} onChange={(event) => set({ description: event.target.value })} />
      <SelectField
        label="Family"
        hint={family?.description ?? 'Rules of its own alone.'}
        disabled={from?.is_default && edits}
        value={draft.family}
        onChange={(event) => set({ family: event.target.value })}
      >
        <option value="">Custom</option>
        {families.data?.map(({ policy_family_id, name }) => (
          <option key={policy_family_id} value={policy_family_id}>
            {name}
          </option>
        ))}
      </SelectField>
      {family && (
        <details>
          <summary>Rules of the family</summary>
          <pre className="code-block">{pretty(family.definition)}</pre>
        </details>
      )}
      <div className="lines">
        <TextArea
          label={draft.family ? 'Rules that differ from the family’s' : 'Rules'}
          hint='Attribute path to rule: {"autotermination_minutes": {"type": "range", "maxValue": 120, "defaultValue": 60}}'
          rows={14}
          value={draft.rules}
          onChange={(rules) => set({ rules })}
        />
        {problem && (
          <span className="problem" role="alert">
            {problem}
          </span>
        )}
      </div>
      <TextField
        label="Active clusters per user"
        hint="At most; empty for no limit."
        inputMode="numeric"
        value={draft.most}
        problem={mostProblem}
        onChange={(event) => set({ most: event.target.value })}
      />
    </FormDialog>
  );
}

export function DeletePolicyDialog({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const client = useQueryClient();
  return (
    <FormDialog
      title={`Delete ${policy.name}?`}
      submitLabel="Delete policy"
      danger
      onClose={onClose}
      onSubmit={async () => {
        await deletePolicy(policy.policy_id);
        navigate('/clusters/policies');
        await client.invalidateQueries({ queryKey: policiesQuery.queryKey });
        toast(`${policy.name} deleted`);
      }}
    >
      <p>Clusters made with it run on, but can be changed only with another policy, or none.</p>
    </FormDialog>
  );
}
