/** Virtual networks that clusters run in, and what was found wrong with them. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { createNetwork, deleteNetwork } from '../../api/account';
import type { CloudNetwork, VpcEndpoint } from '../../api/types';
import { titleCase } from '../../lib/format';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import type { AccountSectionProps } from './AccountPage';
import { idsOf, idsProblem, prefixProblem } from './check';
import type { CreateProps } from './CredentialsSection';
import { endpointsQuery, networksQuery } from './queries';
import { ResourceSection } from './ResourceSection';

const TONES: Record<string, string> = { VALID: 'ok', WARNED: 'warn', BROKEN: 'danger' };
const SUBNETS_MIN = 2;

export function NetworksSection({ account }: AccountSectionProps) {
  return (
    <ResourceSection
      account={account}
      title="Networks"
      text="A network belongs to one workspace. It is looked over when the workspace is made or changed."
      one="network"
      icon="network"
      empty="Name a VPC of your cloud account with at least two private subnets and a security group."
      query={useQuery(networksQuery(account))}
      idOf={(item) => item.network_id}
      nameOf={(item) => item.network_name}
      columns={[
        ['State', (item) => <NetworkState network={item} />],
        ['Place', (item) => <Place network={item} />],
      ]}
      uses={(workspace, item) => workspace.network_id === item.network_id}
      remove={(id) => deleteNetwork(account, id)}
      Create={({ onClose, onDone }) => <CreateDialog account={account} onClose={onClose} onDone={onDone} />}
    />
  );
}

export function NetworkState({ network }: { network: CloudNetwork }) {
  const { vpc_status: status = 'UNATTACHED', error_messages: errors = [], warning_messages: warnings = [] } = network;
  return (
    <div className="findings">
      <span className={`badge ${TONES[status] ?? ''}`}>{titleCase(status)}</span>
      {status === 'UNATTACHED' && <span className="resource-note">Not looked at yet</span>}
      {errors.length + warnings.length > 0 && (
        <ul>
          {errors.map(({ error_type, error_message }) => (
            <li key={`${error_type} ${error_message}`} className="broken">
              {error_message} <span className="muted">({error_type})</span>
            </li>
          ))}
          {warnings.map(({ warning_type, warning_message }) => (
            <li key={`${warning_type} ${warning_message}`}>
              {warning_message} <span className="muted">({warning_type})</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Place({ network: { vpc_id, subnet_ids = [], security_group_ids = [] } }: { network: CloudNetwork }) {
  return (
    <div className="place">
      {[vpc_id, ...subnet_ids, ...security_group_ids].map((id) => (
        <code key={id}>{id}</code>
      ))}
    </div>
  );
}

function CreateDialog({ account, onClose, onDone }: CreateProps) {
  const endpoints = useQuery(endpointsQuery(account));
  const [name, setName] = useState('');
  const [vpc, setVpc] = useState('');
  const [subnets, setSubnets] = useState('');
  const [groups, setGroups] = useState('');
  const [rest, setRest] = useState('');
  const [relay, setRelay] = useState('');
  const problems = { vpc: prefixProblem(vpc, 'vpc-'), subnets: idsProblem(subnets, 'subnet-', SUBNETS_MIN), groups: idsProblem(groups, 'sg-', 1) };
  const filled = name.trim() && vpc.trim() && idsOf(subnets).length > 0 && idsOf(groups).length > 0;
  const vpc_endpoints = { ...(rest && { rest_api: [rest] }), ...(relay && { dataplane_relay: [relay] }) };
  return (
    <FormDialog
      title="Create network"
      submitLabel="Create"
      disabled={!filled || Object.values(problems).some(Boolean)}
      onClose={onClose}
      onSubmit={async () => {
        await createNetwork(account, {
          network_name: name.trim(),
          vpc_id: vpc.trim(),
          subnet_ids: idsOf(subnets),
          security_group_ids: idsOf(groups),
          ...(rest || relay ? { vpc_endpoints } : {}),
        });
        await onDone();
      }}
    >
      <TextField label="Name" maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <TextField label="VPC" placeholder="vpc-…" value={vpc} problem={problems.vpc} onChange={(event) => setVpc(event.target.value)} />
      <TextField
        label="Subnets"
        placeholder="subnet-…, subnet-…"
        hint="At least two, in different zones, without a route from the internet."
        value={subnets}
        problem={problems.subnets}
        onChange={(event) => setSubnets(event.target.value)}
      />
      <TextField label="Security groups" placeholder="sg-…" hint="Hosts of a cluster must reach each other." value={groups} problem={problems.groups} onChange={(event) => setGroups(event.target.value)} />
      {endpoints.data && endpoints.data.length > 0 && (
        <div className="field-pair">
          <EndpointField label="Endpoint for REST" list={endpoints.data} value={rest} onChange={setRest} />
          <EndpointField label="Endpoint for the relay" list={endpoints.data} value={relay} onChange={setRelay} />
        </div>
      )}
    </FormDialog>
  );
}

function EndpointField({ label, list, value, onChange }: { label: string; list: readonly VpcEndpoint[]; value: string; onChange: (value: string) => void }) {
  return (
    <SelectField label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">None</option>
      {list.map(({ vpc_endpoint_id, vpc_endpoint_name }) => (
        <option key={vpc_endpoint_id} value={vpc_endpoint_id}>
          {vpc_endpoint_name}
        </option>
      ))}
    </SelectField>
  );
}
