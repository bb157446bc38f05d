/** Makes a workspace, or changes what it is made of. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { createWorkspace, updateWorkspace } from '../../api/account';
import type { WorkspaceInfo } from '../../api/types';
import { Link } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { credentialsQuery, keysQuery, networksQuery, privateAccessQuery, storageQuery } from './queries';
import { changeOf, draftOf, isComplete, requestOf, type WorkspaceDraft } from './workspace';

interface WorkspaceDialogProps {
  account: string;
  workspace: WorkspaceInfo | null;
  region: string;
  onClose: () => void;
  onDone: (made: WorkspaceInfo) => Promise<unknown>;
}

export function WorkspaceDialog({ account, workspace, region, onClose, onDone }: WorkspaceDialogProps) {
  const [draft, setDraft] = useState(() => draftOf(workspace, region));
  const set = (change: Partial<WorkspaceDraft>) => setDraft((old) => ({ ...old, ...change }));
  const name = useId();
  const failed = workspace?.workspace_status === 'FAILED' && draft.hybrid;
  return (
    <FormDialog
      title={workspace ? `Edit ${workspace.workspace_name}` : 'Create workspace'}
      submitLabel={workspace ? (failed ? 'Save and try again' : 'Save') : 'Create'}
      disabled={!isComplete(draft)}
      onClose={onClose}
      onSubmit={async () =>
        onDone(await (workspace ? updateWorkspace(account, String(workspace.workspace_id), changeOf(draft, workspace)) : createWorkspace(account, requestOf(draft))))
      }
    >
      <TextField label="Name" maxLength={100} value={draft.name} onChange={(event) => set({ name: event.target.value })} />
      <TextField label="Region" placeholder="eu-west-1" disabled={workspace !== null && !failed} value={draft.region} onChange={(event) => set({ region: event.target.value })} />
      {!workspace && (
        <fieldset className="choices">
          <legend className="field-label">Compute</legend>
          <Mode name={name} label="Serverless" text="On the hosts of this deployment" checked={!draft.hybrid} onChange={() => set({ hybrid: false })} />
          <Mode name={name} label="Own cloud account" text="Clusters in your AWS account and network, too" checked={draft.hybrid} onChange={() => set({ hybrid: true })} />
        </fieldset>
      )}
      {draft.hybrid && <CloudFields account={account} draft={draft} set={set} workspace={workspace} />}
      <PrivateAccessField account={account} draft={draft} set={set} />
    </FormDialog>
  );
}

function Mode({ name, label, text, checked, onChange }: { name: string; label: string; text: string; checked: boolean; onChange: () => void }) {
  return (
    <label className="choice">
      <input type="radio" name={name} checked={checked} onChange={onChange} />
      <span>{label}</span>
      <span className="muted small">{text}</span>
    </label>
  );
}

interface PartProps {
  account: string;
  draft: WorkspaceDraft;
  set: (change: Partial<WorkspaceDraft>) => void;
}

function CloudFields({ account, draft, set, workspace }: PartProps & { workspace: WorkspaceInfo | null }) {
  const credentials = useQuery(credentialsQuery(account));
  const storage = useQuery(storageQuery(account));
  const networks = useQuery(networksQuery(account));
  const keys = useQuery(keysQuery(account));
  const own = workspace?.workspace_id;
  const free = networks.data?.filter(({ workspace_id }) => workspace_id === undefined || workspace_id === own);
  return (
    <>
      <Choose
        label="Credentials"
        to="credentials"
        value={draft.credentials}
        options={credentials.data?.map(({ credentials_id, credentials_name }) => [credentials_id, credentials_name])}
        onChange={(value) => set({ credentials: value })}
      />
      <Choose
        label="Storage"
        to="storage"
        value={draft.storage}
        options={storage.data?.map(({ storage_configuration_id, storage_configuration_name }) => [storage_configuration_id, storage_configuration_name])}
        onChange={(value) => set({ storage: value })}
      />
      <Choose label="Network" to="networks" value={draft.network} options={free?.map(({ network_id, network_name }) => [network_id, network_name])} onChange={(value) => set({ network: value })} />
      {keys.data && keys.data.length > 0 && (
        <SelectField label="Encryption key" value={draft.key} onChange={(event) => set({ key: event.target.value })}>
          {!workspace?.storage_customer_managed_key_id && <option value="">Of the cloud account</option>}
          {keys.data.map(({ customer_managed_key_id: id, aws_key_info }) => (
            <option key={id} value={id}>
              {aws_key_info?.key_alias ?? aws_key_info?.key_arn}
            </option>
          ))}
        </SelectField>
      )}
    </>
  );
}

interface ChooseProps {
  label: string;
  to: string;
  value: string;
  options: readonly (readonly [string, string])[] | undefined;
  onChange: (value: string) => void;
}

/** One must be chosen; where there is none, this leads to where one is made. */
function Choose({ label, to, value, options, onChange }: ChooseProps) {
  const none = options?.length === 0;
  return (
    <SelectField
      label={label}
      hint={none ? <Link to={`/account/${to}`}>{to === 'networks' ? 'No network is free. Make one first.' : 'There is none yet. Make one first.'}</Link> : undefined}
      value={value}
      disabled={none}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="" disabled>
        {options ? (none ? 'None' : 'Choose…') : 'Loading…'}
      </option>
      {options?.map(([id, name]) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}

function PrivateAccessField({ account, draft, set }: PartProps) {
  const settings = useQuery(privateAccessQuery(account));
  if (!settings.data || settings.data.length === 0) return null;
  return (
    <SelectField label="Private access" value={draft.privateAccess} onChange={(event) => set({ privateAccess: event.target.value })}>
      <option value="">From everywhere</option>
      {settings.data.map(({ private_access_settings_id: id, private_access_settings_name }) => (
        <option key={id} value={id}>
          {private_access_settings_name}
        </option>
      ))}
    </SelectField>
  );
}
