/** Roles in customers' AWS accounts that the server may assume. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { createCredentials, deleteCredentials } from '../../api/account';
import { CodeLine } from '../../ui/CopyButton';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import type { AccountSectionProps } from './AccountPage';
import { roleProblem } from './check';
import { credentialsQuery } from './queries';
import { ResourceSection } from './ResourceSection';

export function CredentialsSection({ account }: AccountSectionProps) {
  return (
    <ResourceSection
      account={account}
      title="Credentials"
      text="Roles in AWS accounts. Clusters of a workspace are started as its role."
      one="credentials"
      icon="key"
      empty="Make a role in your AWS account that this server may assume, then name it here."
      query={useQuery(credentialsQuery(account))}
      idOf={(item) => item.credentials_id}
      nameOf={(item) => item.credentials_name}
      columns={[['Role', (item) => <code className="breaks">{item.aws_credentials?.sts_role?.role_arn}</code>]]}
      uses={(workspace, item) => workspace.credentials_id === item.credentials_id}
      remove={(id) => deleteCredentials(account, id)}
      Create={({ onClose, onDone }) => <CreateDialog account={account} onClose={onClose} onDone={onDone} />}
    />
  );
}

export interface CreateProps {
  account: string;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

function CreateDialog({ account, onClose, onDone }: CreateProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('');
  const problem = roleProblem(role);
  return (
    <FormDialog
      title="Create credentials"
      submitLabel="Create"
      disabled={!name.trim() || !role.trim() || Boolean(problem)}
      onClose={onClose}
      onSubmit={async () => {
        await createCredentials(account, name.trim(), role.trim());
        await onDone();
      }}
    >
      <TextField label="Name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <TextField label="ARN of the role" placeholder="arn:aws:iam::123456789012:role/biplane" value={role} problem={problem} onChange={(event) => setRole(event.target.value)} />
      <div className="field">
        <span className="field-label">External id</span>
        <CodeLine text={account} label="Copy the external id" />
        <span className="hint">The trust policy of the role must ask for it: it is the id of this account. Whether the role can be assumed is tried when a workspace uses it.</span>
      </div>
    </FormDialog>
  );
}
