/** Network connectivity configurations: where compute comes from, and private endpoints. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createConnectivity, deleteConnectivity } from '../../api/network';
import type { ConnectivityConfig } from '../../api/types';
import { useSession } from '../../app/session';
import { formatTime, titleCase } from '../../lib/format';
import { Link } from '../../lib/router';
import { Button, IconButton } from '../../ui/Button';
import { CodeLine } from '../../ui/CopyButton';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { Head } from './Head';
import type { SectionProps } from './NetworkPage';
import { connectivityQuery, workspacesQuery } from './queries';

export function ConnectivitySection({ title, text }: SectionProps) {
  const { account_id: account } = useSession();
  const client = useQueryClient();
  const query = useQuery(connectivityQuery(account));
  const workspaces = useQuery(workspacesQuery(account));
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<ConnectivityConfig | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['network'] });
  const users = (id: string) =>
    workspaces.data?.filter(({ network_connectivity_config_id: own }) => own === id).map(({ workspace_name }) => workspace_name) ?? [];
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      Create configuration
    </Button>
  );
  return (
    <>
      <Head title={title} text={text}>
        {create}
      </Head>
      {query.data ? (
        query.data.length > 0 ? (
          query.data.map((config) => (
            <ConfigCard key={config.network_connectivity_config_id} config={config} users={users(config.network_connectivity_config_id)} onDelete={setDeleting} />
          ))
        ) : (
          <section className="card">
            <EmptyState icon="network" title="No connectivity configuration" actions={create}>
              One gives the workspaces of a region addresses that stay, for the allow-lists of others.
            </EmptyState>
          </section>
        )
      ) : (
        <section className="card">{query.error ? <ErrorState error={query.error} retry={() => void query.refetch()} /> : <SkeletonRows rows={4} columns={3} />}</section>
      )}
      {creating && <CreateDialog regions={[...new Set(workspaces.data?.map(({ aws_region }) => aws_region))]} onClose={() => setCreating(false)} onDone={reload} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.name}?`}
          submitLabel="Delete configuration"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteConnectivity(account, deleting.network_connectivity_config_id);
            await reload();
            toast(`${deleting.name} deleted`);
          }}
        >
          <p>Its private-endpoint rules go with it. No workspace has it.</p>
        </FormDialog>
      )}
    </>
  );
}

interface ConfigCardProps {
  config: ConnectivityConfig;
  users: readonly string[];
  onDelete: (config: ConnectivityConfig) => void;
}

function ConfigCard({ config, users, onDelete }: ConfigCardProps) {
  const addresses = config.egress_config?.default_rules?.aws_stable_ip_rule?.cidr_blocks ?? [];
  const rules = config.egress_config?.target_rules?.aws_private_endpoint_rules ?? [];
  return (
    <section className="card" aria-label={config.name}>
      <div className="card-head">
        <div className="grow">
          <h2>{config.name}</h2>
          <p className="muted small">
            {config.region}, since {formatTime(config.creation_time)}
          </p>
        </div>
        <IconButton
          icon="trash"
          label={users.length > 0 ? `${config.name} is attached to a workspace` : `Delete ${config.name}`}
          disabled={users.length > 0}
          onClick={() => onDelete(config)}
        />
      </div>
      <div className="card-body config-columns">
        <div>
          <h3>Stable addresses</h3>
          {addresses.length > 0 ? (
            addresses.map((address) => <CodeLine key={address} text={address} label={`Copy ${address}`} />)
          ) : (
            <p className="muted small">The operator of this deployment has named none (--egress-address).</p>
          )}
        </div>
        <div>
          <h3>Workspaces</h3>
          <p>
            {users.join(', ') || <span className="muted">None. </span>}
            {users.length === 0 && <Link to="/network/policies">Attach it to one</Link>}
          </p>
        </div>
      </div>
      {rules.length > 0 && (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Private endpoint</th>
                <th>Names</th>
                <th>State</th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule) => (
                <tr key={rule.rule_id}>
                  <td>
                    <code>{rule.endpoint_service}</code>
                  </td>
                  <td>{[...(rule.domain_names ?? []), ...(rule.resource_names ?? [])].join(', ')}</td>
                  <td>
                    <span className={`badge ${rule.connection_state === 'ESTABLISHED' ? (rule.enabled === false ? '' : 'ok') : 'danger'}`}>
                      {rule.enabled === false ? 'Disabled' : titleCase(rule.connection_state ?? 'unknown')}
                    </span>
                    {rule.error_message && <span className="resource-note">{rule.error_message}</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
    </section>
  );
}

const NAME = /^[\w-]{3,30}$/;

function CreateDialog({ regions, onClose, onDone }: { regions: readonly string[]; onClose: () => void; onDone: () => Promise<unknown> }) {
  const { account_id: account } = useSession();
  const [name, setName] = useState('');
  const [region, setRegion] = useState(regions[0] ?? '');
  const bad = name !== '' && !NAME.test(name);
  return (
    <FormDialog
      title="Create connectivity configuration"
      submitLabel="Create"
      disabled={!NAME.test(name) || !region}
      onClose={onClose}
      onSubmit={async () => {
        await createConnectivity(account, { name, region });
        await onDone();
        toast(`${name} created`);
      }}
    >
      <TextField label="Name" value={name} problem={bad ? '3 to 30 letters, digits, hyphens and underscores.' : undefined} onChange={(event) => setName(event.target.value)} />
      <SelectField label="Region" hint="It is for workspaces of this region." value={region} onChange={(event) => setRegion(event.target.value)}>
        {regions.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
