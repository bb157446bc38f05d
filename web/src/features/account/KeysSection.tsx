/** Customers' keys, for the bucket of a workspace and the disks of its hosts. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { createKey, deleteKey } from '../../api/account';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, TextField } from '../../ui/Fields';
import type { AccountSectionProps } from './AccountPage';
import { aliasProblem, keyProblem } from './check';
import type { CreateProps } from './CredentialsSection';
import { keysQuery } from './queries';
import { ResourceSection } from './ResourceSection';

export function KeysSection({ account }: AccountSectionProps) {
  return (
    <ResourceSection
      account={account}
      title="Encryption keys"
      text="Keys of your own: for the root bucket of a workspace, and for the disks of its hosts."
      one="key"
      icon="shield"
      empty="Without one, disks are encrypted with the key of the cloud account."
      query={useQuery(keysQuery(account))}
      idOf={(item) => item.customer_managed_key_id}
      nameOf={(item) => item.aws_key_info?.key_alias ?? 'Key'}
      columns={[
        ['Key', (item) => <code className="breaks">{item.aws_key_info?.key_arn}</code>],
        ['For', (item) => (item.aws_key_info?.reuse_key_for_cluster_volumes ? 'Storage and disks' : (item.use_cases ?? []).includes('STORAGE') ? 'Storage' : 'Managed services')],
      ]}
      uses={(workspace, item) => workspace.storage_customer_managed_key_id === item.customer_managed_key_id}
      remove={(id) => deleteKey(account, id)}
      Create={({ onClose, onDone }) => <CreateDialog account={account} onClose={onClose} onDone={onDone} />}
    />
  );
}

function CreateDialog({ account, onClose, onDone }: CreateProps) {
  const [arn, setArn] = useState('');
  const [alias, setAlias] = useState('');
  const [disks, setDisks] = useState(true);
  const problems = [keyProblem(arn), aliasProblem(alias)];
  return (
    <FormDialog
      title="Create key"
      submitLabel="Create"
      disabled={!arn.trim() || problems.some(Boolean)}
      onClose={onClose}
      onSubmit={async () => {
        await createKey(account, { key_arn: arn.trim(), ...(alias.trim() && { key_alias: alias.trim() }), reuse_key_for_cluster_volumes: disks });
        await onDone();
      }}
    >
      <TextField label="ARN of the key" placeholder="arn:aws:kms:eu-west-1:123456789012:key/…" value={arn} problem={problems[0]} onChange={(event) => setArn(event.target.value)} />
      <TextField label="Alias" placeholder="alias/biplane" hint="For people; it may be left out." value={alias} problem={problems[1]} onChange={(event) => setAlias(event.target.value)} />
      <Checkbox label="Also for the disks of hosts" checked={disks} onChange={(event) => setDisks(event.target.checked)} />
    </FormDialog>
  );
}
