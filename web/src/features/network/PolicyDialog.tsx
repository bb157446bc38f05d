/** Makes a network policy, or changes one. */
import { useState } from 'react';
import { createPolicy, updatePolicy } from '../../api/network';
import type { NetworkPolicy } from '../../api/types';
import { useSession } from '../../app/session';
import { plural } from '../../lib/format';
import { Button, IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { toast } from '../../ui/Toasts';
import { HostsField } from './HostsField';
import { draftOf, hostProblem, idProblem, policyOf, PRODUCTS, type Bucket, type Draft } from './policy';

interface PolicyDialogProps {
  policy: NetworkPolicy | null;
  /** Workspaces that have it. */
  users: readonly string[];
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

export function PolicyDialog({ policy, users, onClose, onSaved }: PolicyDialogProps) {
  const { account_id: account } = useSession();
  const [draft, setDraft] = useState(() => draftOf(policy));
  const set = (change: Partial<Draft>) => setDraft((old) => ({ ...old, ...change }));
  const problems = [idProblem(draft.id), ...(draft.restricted ? [hostProblem(draft.internet), hostProblem(draft.blocked)] : [])];
  return (
    <FormDialog
      title={policy ? `Edit ${policy.network_policy_id}` : 'Create network policy'}
      submitLabel={policy ? 'Save' : 'Create'}
      wide
      disabled={!draft.id.trim() || problems.some(Boolean)}
      onClose={onClose}
      onSubmit={async () => {
        const made = policyOf(draft);
        await (policy ? updatePolicy(account, draft.id, made) : createPolicy(account, made));
        await onSaved();
        toast(policy ? `${draft.id} saved` : `${draft.id} created`);
      }}
    >
      {policy ? (
        users.length > 0 && (
          <p className="notice">
            <Icon name="info" />
            <span>
              {plural(users.length, 'workspace has', 'workspaces have')} it: {users.join(', ')}. What runs there follows within a second.
            </span>
          </p>
        )
      ) : (
        <TextField label="Name" placeholder="restricted" hint="It cannot be changed later." value={draft.id} problem={problems[0]} onChange={(event) => set({ id: event.target.value })} />
      )}
      <Choice
        legend="Access"
        name="mode"
        value={draft.restricted ? 'restricted' : 'full'}
        options={[
          ['restricted', 'Restricted', 'Only what is listed below, and the storage of its own catalog'],
          ['full', 'Everything', 'Every host on the internet'],
        ]}
        onChange={(value) => set({ restricted: value === 'restricted' })}
      />
      {draft.restricted && <Destinations draft={draft} set={set} problems={problems} />}
    </FormDialog>
  );
}

function Destinations({ draft, set, problems }: { draft: Draft; set: (change: Partial<Draft>) => void; problems: (string | undefined)[] }) {
  return (
    <>
      <HostsField
        label="Internet destinations"
        hint="One a line: pypi.org, or *.example.com for all below it."
        value={draft.internet}
        problem={problems[1]}
        rows={5}
        onChange={(internet) => set({ internet })}
      />
      <Buckets buckets={draft.buckets} onChange={(buckets) => set({ buckets })} />
      <HostsField
        label="Never, whatever is allowed above"
        hint="Exceptions, one a line."
        value={draft.blocked}
        problem={problems[2]}
        rows={2}
        onChange={(blocked) => set({ blocked })}
      />
      <Choice
        legend="Enforcement"
        name="enforcement"
        value={draft.dryRun ? 'dry' : 'enforced'}
        options={[
          ['enforced', 'Enforced', 'What is not listed is refused'],
          ['dry', 'Dry run', 'Nothing is refused; what would have been is shown under outbound access'],
        ]}
        onChange={(value) => set({ dryRun: value === 'dry' })}
      />
      {draft.dryRun && (
        <fieldset className="choices">
          <legend className="field-label">Dry run for</legend>
          <div className="row wrap">
            {PRODUCTS.map(([key, label]) => (
              <Checkbox
                key={key}
                label={label}
                checked={draft.products.includes(key)}
                onChange={(event) => set({ products: event.target.checked ? [...draft.products, key] : draft.products.filter((one) => one !== key) })}
              />
            ))}
          </div>
          <span className="hint small muted">{draft.products.length === 0 ? 'None chosen: for everything that runs.' : 'Everything else is enforced.'}</span>
        </fieldset>
      )}
    </>
  );
}

interface ChoiceProps<K extends string> {
  legend: string;
  name: string;
  value: K;
  options: readonly (readonly [K, string, string])[];
  onChange: (value: K) => void;
}

function Choice<K extends string>({ legend, name, value, options, onChange }: ChoiceProps<K>) {
  return (
    <fieldset className="choices">
      <legend className="field-label">{legend}</legend>
      {options.map(([key, label, text]) => (
        <label key={key} className="choice">
          <input type="radio" name={name} checked={value === key} onChange={() => onChange(key)} />
          <span>{label}</span>
          <span className="muted small">{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Buckets({ buckets, onChange }: { buckets: Bucket[]; onChange: (buckets: Bucket[]) => void }) {
  const set = (at: number, change: Partial<Bucket>) => onChange(buckets.map((one, index) => (index === at ? { ...one, ...change } : one)));
  return (
    <fieldset className="choices">
      <legend className="field-label">Storage destinations</legend>
      <span className="small muted">Buckets of S3 beside those that the catalog’s locations need.</span>
      {buckets.map(({ name, region }, index) => (
        <div key={index} className="bucket-row">
          <input className="input small" aria-label={`Bucket ${index + 1}`} placeholder="bucket" value={name} onChange={(event) => set(index, { name: event.target.value })} />
          <input
            className="input small"
            aria-label={`Region of bucket ${index + 1}`}
            placeholder="region (any)"
            value={region}
            onChange={(event) => set(index, { region: event.target.value })}
          />
          <IconButton icon="close" label={`Remove bucket ${index + 1}`} onClick={() => onChange(buckets.filter((_, at) => at !== index))} />
        </div>
      ))}
      <Button small icon="plus" className="add-bucket" onClick={() => onChange([...buckets, { name: '', region: '' }])}>
        Add bucket
      </Button>
    </fieldset>
  );
}
