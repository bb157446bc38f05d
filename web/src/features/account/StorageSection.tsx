/** Root buckets of workspaces. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { createStorage, deleteStorage } from '../../api/account';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import type { AccountSectionProps } from './AccountPage';
import { bucketProblem } from './check';
import type { CreateProps } from './CredentialsSection';
import { storageQuery } from './queries';
import { ResourceSection } from './ResourceSection';

export function StorageSection({ account }: AccountSectionProps) {
  return (
    <ResourceSection
      account={account}
      title="Storage"
      text="Root buckets: where a workspace in a cloud account of its own keeps what belongs to it."
      one="storage configuration"
      icon="volume"
      empty="Name a bucket of your cloud account, in the region of the workspace."
      query={useQuery(storageQuery(account))}
      idOf={(item) => item.storage_configuration_id}
      nameOf={(item) => item.storage_configuration_name}
      columns={[['Bucket', (item) => <code className="breaks">{item.root_bucket_info?.bucket_name}</code>]]}
      uses={(workspace, item) => workspace.storage_configuration_id === item.storage_configuration_id}
      remove={(id) => deleteStorage(account, id)}
      Create={({ onClose, onDone }) => <CreateDialog account={account} onClose={onClose} onDone={onDone} />}
    />
  );
}

function CreateDialog({ account, onClose, onDone }: CreateProps) {
  const [name, setName] = useState('');
  const [bucket, setBucket] = useState('');
  const problem = bucketProblem(bucket);
  return (
    <FormDialog
      title="Create storage configuration"
      submitLabel="Create"
      disabled={!name.trim() || !bucket.trim() || Boolean(problem)}
      onClose={onClose}
      onSubmit={async () => {
        await createStorage(account, name.trim(), bucket.trim());
        await onDone();
      }}
    >
      <TextField label="Name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <TextField label="Bucket" placeholder="acme-biplane-root" value={bucket} problem={problem} onChange={(event) => setBucket(event.target.value)} />
    </FormDialog>
  );
}
