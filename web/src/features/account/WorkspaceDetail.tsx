/** The page of one workspace: its state and what to fix, what it is made of, its metastore, who is in it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Fragment, useState, type ReactNode } from 'react';
import { deleteWorkspace, setMetastoreOf, updateWorkspace } from '../../api/account';
import type { WorkspaceInfo } from '../../api/types';
import { useSession } from '../../app/session';
import { formatTime } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorState, Skeleton } from '../../ui/States';
import { toast, toastError } from '../../ui/Toasts';
import { AssignmentsCard } from './AssignmentsCard';
import { NetworkState } from './NetworksSection';
import { accountWorkspacesQuery, credentialsQuery, keysQuery, metastoreOfQuery, metastoresQuery, networksQuery, privateAccessQuery, storageQuery } from './queries';
import { HYBRID } from './workspace';
import { WorkspaceDialog } from './WorkspaceDialog';
import { modeText, WorkspaceStatus } from './WorkspacesSection';

export function WorkspaceDetail({ account, id }: { account: string; id: string }) {
  const query = useQuery(accountWorkspacesQuery(account));
  const workspace = query.data?.find(({ workspace_id }) => String(workspace_id) === id);
  if (query.error && !query.data) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton height={320} />;
  if (!workspace) {
    return (
      <section className="card">
        <EmptyState icon="account" title="No such workspace" actions={<Link className="button" to="/account/workspaces">All workspaces</Link>}>
          It may have been deleted.
        </EmptyState>
      </section>
    );
  }
  return <Loaded account={account} workspace={workspace} />;
}

interface PartProps {
  account: string;
  workspace: WorkspaceInfo;
}

function Loaded({ account, workspace }: PartProps) {
  const client = useQueryClient();
  const { workspace_id: here } = useSession();
  const [asking, setAsking] = useState<'edit' | 'delete' | null>(null);
  const id = String(workspace.workspace_id);
  const reload = () => client.invalidateQueries({ queryKey: ['account'] });
  return (
    <>
      <div>
        <nav className="crumbs" aria-label="Where you are">
          <Link to="/account/workspaces">Workspaces</Link>
          <span>{workspace.workspace_name}</span>
        </nav>
        <header className="page-head warehouse-head account-head">
          <div>
            <h2>{workspace.workspace_name}</h2>
            <div className="warehouse-facts">
              <WorkspaceStatus status={workspace.workspace_status} />
              <span>{modeText(workspace.compute_mode)}</span>
              <span>{workspace.aws_region}</span>
              {String(here) === id && <span>You are in it</span>}
            </div>
          </div>
          <div className="actions">
            <Button icon="edit" onClick={() => setAsking('edit')}>
              Edit
            </Button>
            <Menu label={`Actions for ${workspace.workspace_name}`} className="button icon" actions={[{ label: 'Delete', icon: 'trash', danger: true, onSelect: () => setAsking('delete') }]}>
              <Icon name="more" />
            </Menu>
          </div>
        </header>
        <Status account={account} workspace={workspace} onChanged={reload} />
      </div>
      <MadeOf account={account} workspace={workspace} />
      <AssignmentsCard account={account} workspace={workspace} />
      {asking === 'edit' && <WorkspaceDialog account={account} workspace={workspace} region="" onClose={() => setAsking(null)} onDone={reload} />}
      {asking === 'delete' && <DeleteDialog account={account} workspace={workspace} onClose={() => setAsking(null)} onDone={reload} />}
    </>
  );
}

/** What the server says of it, when there is something to do or to wait for. */
function Status({ account, workspace, onChanged }: PartProps & { onChanged: () => Promise<unknown> }) {
  const [busy, setBusy] = useState(false);
  const { workspace_status: status, workspace_status_message: message } = workspace;
  if (status === 'RUNNING') return null;
  const failed = status === 'FAILED';
  const again = async () => {
    setBusy(true);
    try {
      await updateWorkspace(account, String(workspace.workspace_id), {});
      await onChanged();
    } catch (error) {
      toastError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={`notice ${failed ? 'danger' : 'accent'}`} role="status">
      {failed ? <Icon name="warning" /> : <span className="spinner" aria-hidden="true" />}
      <div className="grow">
        <strong>{failed ? 'It could not be made.' : 'In the works.'}</strong> {message}
        {failed && <div>Mend it in the cloud account, or edit the workspace; then try again.</div>}
      </div>
      {failed && (
        <Button small icon="refresh" busy={busy} onClick={() => void again()}>
          Try again
        </Button>
      )}
    </div>
  );
}

function MadeOf({ account, workspace }: PartProps) {
  const hybrid = workspace.compute_mode === HYBRID;
  const on = { enabled: hybrid };
  const credentials = useQuery({ ...credentialsQuery(account), ...on });
  const storage = useQuery({ ...storageQuery(account), ...on });
  const networks = useQuery({ ...networksQuery(account), ...on });
  const keys = useQuery({ ...keysQuery(account), ...on });
  const access = useQuery(privateAccessQuery(account));
  const network = networks.data?.find(({ network_id }) => network_id === workspace.network_id);
  const key = keys.data?.find(({ customer_managed_key_id: one }) => one === workspace.storage_customer_managed_key_id);
  const settings = access.data?.find(({ private_access_settings_id: one }) => one === workspace.private_access_settings_id);
  const role = credentials.data?.find(({ credentials_id }) => credentials_id === workspace.credentials_id);
  const bucket = storage.data?.find(({ storage_configuration_id: one }) => one === workspace.storage_configuration_id);
  const tags = Object.entries(workspace.custom_tags);
  const rows: [string, ReactNode][] = [
    ['Workspace id', <code key="id">{workspace.workspace_id}</code>],
    ['Deployment', workspace.deployment_name],
    ['Created', formatTime(workspace.creation_time)],
    ...(hybrid
      ? ([
          ['Credentials', role ? `${role.credentials_name}: ${role.aws_credentials?.sts_role?.role_arn ?? ''}` : workspace.credentials_id],
          ['Storage', bucket ? `${bucket.storage_configuration_name}: ${bucket.root_bucket_info?.bucket_name ?? ''}` : workspace.storage_configuration_id],
          ['Network', network ? <NetworkRow key="network" name={`${network.network_name}: ${network.vpc_id ?? ''}`} state={<NetworkState network={network} />} /> : workspace.network_id],
          ['Encryption key', key ? (key.aws_key_info?.key_alias ?? key.aws_key_info?.key_arn) : 'Of the cloud account'],
        ] as [string, ReactNode][])
      : []),
    ['Private access', settings ? settings.private_access_settings_name : 'From everywhere'],
    ['Metastore', <MetastoreField key="metastore" account={account} workspace={workspace} />],
    ...(tags.length > 0 ? ([['Tags', tags.map(([name, value]) => `${name}: ${value}`).join(', ')]] as [string, ReactNode][]) : []),
  ];
  return (
    <section className="card" aria-label="What it is made of">
      <div className="card-head">
        <h2>Configuration</h2>
      </div>
      <dl className="kv card-body">
        {rows.map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
      </dl>
    </section>
  );
}

function NetworkRow({ name, state }: { name: string; state: ReactNode }) {
  return (
    <div>
      {name} {state}
    </div>
  );
}

function MetastoreField({ account, workspace }: PartProps) {
  const client = useQueryClient();
  const id = String(workspace.workspace_id);
  const metastores = useQuery(metastoresQuery(account));
  const assigned = useQuery(metastoreOfQuery(account, id));
  const [busy, setBusy] = useState(false);
  if (assigned.data === undefined || !metastores.data) {
    return assigned.error || metastores.error ? <span className="muted">Not known: {String((assigned.error ?? metastores.error)?.message)}</span> : <Skeleton width={180} height={28} />;
  }
  const change = async (metastore: string) => {
    setBusy(true);
    try {
      await setMetastoreOf(account, id, metastore);
      await client.invalidateQueries({ queryKey: ['account', 'metastore-of'] });
      toast('Metastore assigned');
    } catch (error) {
      toastError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <select className="select small assign" aria-label="Metastore" disabled={busy} value={assigned.data ?? ''} onChange={(event) => void change(event.target.value)}>
      {assigned.data === null && <option value="">None: catalogs cannot be used</option>}
      {metastores.data.map(({ metastore_id, name, region }) => (
        <option key={metastore_id} value={metastore_id}>
          {name} ({region})
        </option>
      ))}
    </select>
  );
}

function DeleteDialog({ account, workspace, onClose, onDone }: PartProps & { onClose: () => void; onDone: () => Promise<unknown> }) {
  const [typed, setTyped] = useState('');
  const name = workspace.workspace_name;
  return (
    <FormDialog
      title={`Delete ${name}?`}
      submitLabel="Delete workspace"
      danger
      disabled={typed.trim() !== name}
      onClose={onClose}
      onSubmit={async () => {
        await deleteWorkspace(account, String(workspace.workspace_id));
        await onDone();
        navigate('/account/workspaces', { replace: true });
        toast(`${name} is being deleted`);
      }}
    >
      <p>Nobody can enter it any more, its compute ends, and its configuration goes. Tables stay: they belong to the metastore.</p>
      <TextField label={`Type its name to confirm: ${name}`} value={typed} onChange={(event) => setTyped(event.target.value)} />
    </FormDialog>
  );
}
