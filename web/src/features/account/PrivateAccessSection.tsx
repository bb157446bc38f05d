/** Private endpoints that people come through, and the settings that say which of them a workspace takes. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createEndpoint, createPrivateAccess, deleteEndpoint, deletePrivateAccess, replacePrivateAccess } from '../../api/account';
import type { PrivateAccess } from '../../api/types';
import { titleCase } from '../../lib/format';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, SelectField, TextField } from '../../ui/Fields';
import type { AccountSectionProps } from './AccountPage';
import { prefixProblem } from './check';
import type { CreateProps } from './CredentialsSection';
import { endpointsQuery, privateAccessQuery } from './queries';
import { ResourceSection } from './ResourceSection';

export function PrivateAccessSection({ account }: AccountSectionProps) {
  const client = useQueryClient();
  const [editing, setEditing] = useState<PrivateAccess | null>(null);
  return (
    <>
      <ResourceSection
        account={account}
        title="Private access settings"
        text="Whether a workspace is reached from everywhere, or through private endpoints alone."
        one="settings"
        icon="shield"
        empty="Without them a workspace is reached from wherever its IP access lists let in."
        query={useQuery(privateAccessQuery(account))}
        idOf={(item) => item.private_access_settings_id}
        nameOf={(item) => item.private_access_settings_name}
        columns={[
          ['Region', (item) => item.region],
          ['Public access', (item) => (item.public_access_enabled ? <span className="badge">Allowed</span> : <span className="badge ok">Refused</span>)],
          ['Endpoints', (item) => (item.private_access_level === 'ENDPOINT' ? `${item.allowed_vpc_endpoint_ids?.length ?? 0} chosen` : 'All of the account')],
        ]}
        uses={(workspace, item) => workspace.private_access_settings_id === item.private_access_settings_id}
        remove={(id) => deletePrivateAccess(account, id)}
        actions={(item) => [{ label: 'Edit', icon: 'edit', onSelect: () => setEditing(item) }]}
        Create={({ onClose, onDone }) => <SettingsDialog account={account} settings={null} onClose={onClose} onDone={onDone} />}
      />
      <ResourceSection
        account={account}
        title="VPC endpoints"
        text="Private endpoints of customers' networks that this account knows."
        one="endpoint"
        icon="network"
        empty="Register the endpoint of your VPC that leads to this deployment."
        query={useQuery(endpointsQuery(account))}
        idOf={(item) => item.vpc_endpoint_id}
        nameOf={(item) => item.vpc_endpoint_name}
        columns={[
          ['Endpoint', (item) => <code className="breaks">{item.aws_vpc_endpoint_id}</code>],
          ['Region', (item) => item.region],
          ['State', (item) => (item.state === 'available' ? <span className="badge ok">Available</span> : <Waiting state={item.state} />)],
        ]}
        remove={(id) => deleteEndpoint(account, id)}
        Create={({ onClose, onDone }) => <EndpointDialog account={account} onClose={onClose} onDone={onDone} />}
      />
      {editing && <SettingsDialog account={account} settings={editing} onClose={() => setEditing(null)} onDone={() => client.invalidateQueries({ queryKey: ['account'] })} />}
    </>
  );
}

function Waiting({ state }: { state: string | undefined }) {
  return (
    <>
      <span className="badge warn">{state === 'pendingAcceptance' ? 'Pending' : titleCase(state ?? 'unknown')}</span>
      <span className="resource-note">The operator has not named its network</span>
    </>
  );
}

function EndpointDialog({ account, onClose, onDone }: CreateProps) {
  const [name, setName] = useState('');
  const [region, setRegion] = useState('');
  const [id, setId] = useState('');
  const problem = prefixProblem(id, 'vpce-');
  return (
    <FormDialog
      title="Register endpoint"
      submitLabel="Register"
      disabled={!name.trim() || !region.trim() || !id.trim() || Boolean(problem)}
      onClose={onClose}
      onSubmit={async () => {
        await createEndpoint(account, { vpc_endpoint_name: name.trim(), region: region.trim(), aws_vpc_endpoint_id: id.trim() });
        await onDone();
      }}
    >
      <TextField label="Name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <TextField label="Region" placeholder="eu-west-1" value={region} onChange={(event) => setRegion(event.target.value)} />
      <TextField label="VPC endpoint" placeholder="vpce-…" value={id} problem={problem} onChange={(event) => setId(event.target.value)} />
    </FormDialog>
  );
}

function SettingsDialog({ account, settings, onClose, onDone }: CreateProps & { settings: PrivateAccess | null }) {
  const endpoints = useQuery(endpointsQuery(account));
  const [name, setName] = useState(settings?.private_access_settings_name ?? '');
  const [region, setRegion] = useState(settings?.region ?? '');
  const [open, setOpen] = useState(settings?.public_access_enabled ?? true);
  const [level, setLevel] = useState(settings?.private_access_level ?? 'ACCOUNT');
  const [chosen, setChosen] = useState<readonly string[]>(settings?.allowed_vpc_endpoint_ids ?? []);
  return (
    <FormDialog
      title={settings ? `Edit ${settings.private_access_settings_name}` : 'Create private access settings'}
      submitLabel={settings ? 'Save' : 'Create'}
      disabled={!name.trim() || !region.trim() || (level === 'ENDPOINT' && chosen.length === 0)}
      onClose={onClose}
      onSubmit={async () => {
        const request = {
          private_access_settings_name: name.trim(),
          region: region.trim(),
          public_access_enabled: open,
          private_access_level: level,
          ...(level === 'ENDPOINT' ? { allowed_vpc_endpoint_ids: [...chosen] } : {}),
        };
        await (settings ? replacePrivateAccess(account, settings.private_access_settings_id, request) : createPrivateAccess(account, request));
        await onDone();
      }}
    >
      <TextField label="Name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <TextField label="Region" placeholder="eu-west-1" hint="It is for workspaces of this region." disabled={settings !== null} value={region} onChange={(event) => setRegion(event.target.value)} />
      <Checkbox label="Public access: also without a private endpoint" checked={open} onChange={(event) => setOpen(event.target.checked)} />
      <SelectField label="Endpoints" value={level} onChange={(event) => setLevel(event.target.value)}>
        <option value="ACCOUNT">All that the account knows</option>
        <option value="ENDPOINT">Those chosen here</option>
      </SelectField>
      {level === 'ENDPOINT' && (
        <fieldset className="choices">
          <legend className="field-label">Allowed endpoints</legend>
          {endpoints.data?.length === 0 && <span className="muted small">None is registered yet.</span>}
          {endpoints.data?.map(({ vpc_endpoint_id: id, vpc_endpoint_name }) => (
            <Checkbox
              key={id}
              label={vpc_endpoint_name}
              checked={chosen.includes(id)}
              onChange={(event) => setChosen((old) => (event.target.checked ? [...old, id] : old.filter((one) => one !== id)))}
            />
          ))}
        </fieldset>
      )}
    </FormDialog>
  );
}
