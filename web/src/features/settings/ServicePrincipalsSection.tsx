/** Service principals: identities for machines, with OAuth secrets. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { servicePrincipalsOf } from '../../app/people';
import { createSecret, createServicePrincipal, deleteSecret, deleteServicePrincipal, listSecrets } from '../../api/people';
import type { ScimServicePrincipal } from '../../api/types';
import { formatTime } from '../../lib/format';
import { Button } from '../../ui/Button';
import { CopyButton } from '../../ui/CopyButton';
import { Dialog, FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorNotice, Skeleton } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { SecretDialog } from './SecretDialog';
import { SectionCard } from './SectionCard';
import type { PeopleProps } from './UsersSection';

const SECRET_LIFETIME_S = 365 * 86_400;

export function ServicePrincipalsSection({ account }: PeopleProps) {
  const client = useQueryClient();
  const principals = useQuery(servicePrincipalsOf(account));
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<ScimServicePrincipal | null>(null);
  const [deleting, setDeleting] = useState<ScimServicePrincipal | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['service-principals'] });
  return (
    <SectionCard
      title="Service principals"
      text="Identities for jobs and services. They sign in with OAuth client credentials."
      query={principals}
      ready={principals.data !== undefined}
      columns={3}
      action={
        <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
          Create
        </Button>
      }
    >
      {principals.data?.length === 0 ? (
        <EmptyState icon="key" title="No service principals">
          Create one for a tool that should not act as a person.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Name</th>
                <th>Application id</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {principals.data?.map((one) => (
                <tr key={one.id}>
                  <td>{one.displayName ?? ''}</td>
                  <td>
                    <span className="row">
                      <code>{one.applicationId}</code>
                      <CopyButton text={one.applicationId} label="Copy the application id" />
                    </span>
                  </td>
                  <td className="actions">
                    <Button small icon="key" onClick={() => setOpen(one)}>
                      Secrets
                    </Button>{' '}
                    <Menu
                      label={`Actions for ${one.displayName ?? one.applicationId}`}
                      actions={[{ label: 'Delete', icon: 'trash', danger: true, onSelect: () => setDeleting(one) }]}
                    >
                      <Icon name="more" />
                    </Menu>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
      {creating && <CreateDialog account={account} onClose={() => setCreating(false)} onDone={reload} />}
      {open && <SecretsDialog account={account} principal={open} onClose={() => setOpen(null)} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.displayName ?? deleting.applicationId}?`}
          submitLabel="Delete"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteServicePrincipal(deleting.id, account);
            await reload();
            toast('Service principal deleted');
          }}
        >
          <p>Its secrets and tokens stop working. What it owns stays.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}

function CreateDialog({ account, onClose, onDone }: { account: string | undefined; onClose: () => void; onDone: () => Promise<unknown> }) {
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="Create service principal"
      submitLabel="Create"
      disabled={!name.trim()}
      onClose={onClose}
      onSubmit={async () => {
        await createServicePrincipal(name.trim(), account);
        await onDone();
      }}
    >
      <TextField label="Name" value={name} onChange={(event) => setName(event.target.value)} />
    </FormDialog>
  );
}

function SecretsDialog({ account, principal, onClose }: { account: string | undefined; principal: ScimServicePrincipal; onClose: () => void }) {
  const client = useQueryClient();
  const key = ['service-principals', principal.id, 'secrets', account ?? ''];
  const secrets = useQuery({ queryKey: key, queryFn: ({ signal }) => listSecrets(principal.id, signal, account) });
  const [made, setMade] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      await client.invalidateQueries({ queryKey: key });
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const create = () =>
    change(async () => {
      const secret = await createSecret(principal.id, SECRET_LIFETIME_S, account);
      setMade(secret.secret ?? '');
    });
  if (made !== null) {
    const lines: [string, string][] = [
      ['Client id', principal.applicationId],
      ['Client secret', made],
    ];
    return <SecretDialog title="Your new secret" lines={lines} onClose={() => setMade(null)} />;
  }
  return (
    <Dialog
      title={`Secrets of ${principal.displayName ?? principal.applicationId}`}
      onClose={onClose}
      footer={
        <Button variant="primary" icon="plus" busy={busy} onClick={() => void create()}>
          Create secret
        </Button>
      }
    >
      {(error !== null || secrets.error) && <ErrorNotice error={error ?? secrets.error} />}
      {secrets.data === undefined && !secrets.error && <Skeleton height={60} />}
      {secrets.data?.length === 0 && <p className="muted">No secrets yet. Create one to sign in with it; it lasts a year.</p>}
      <ul className="members">
        {secrets.data?.map((secret) => (
          <li key={secret.id} className="row">
            <Icon name="key" />
            <span className="grow">
              <code>{secret.id}</code>
              {secret.expire_time && <span className="muted small"> ends {formatTime(Date.parse(secret.expire_time))}</span>}
            </span>
            <Button small disabled={busy} onClick={() => void change(async () => void (await deleteSecret(principal.id, secret.id, account)))}>
              Delete
            </Button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
