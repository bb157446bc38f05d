/** Groups: list, create, members, delete. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { groupsOf, usersOf } from '../../app/people';
import { addMember, createGroup, deleteGroup, removeMember } from '../../api/people';
import type { ScimGroup } from '../../api/types';
import { plural } from '../../lib/format';
import { Button, IconButton } from '../../ui/Button';
import { Dialog, FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorNotice } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { SectionCard } from './SectionCard';
import type { PeopleProps } from './UsersSection';

/** Groups the system itself depends on. */
const BUILT_IN = new Set(['admins', 'users', 'account users']);

export function GroupsSection({ account }: PeopleProps) {
  const client = useQueryClient();
  const groups = useQuery(groupsOf(account));
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<ScimGroup | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['groups'] });
  const shown = groups.data?.find(({ id }) => id === open);
  return (
    <SectionCard
      title="Groups"
      text="Grant privileges to groups rather than to single users."
      query={groups}
      ready={groups.data !== undefined}
      columns={3}
      action={
        <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
          Create group
        </Button>
      }
    >
      {groups.data?.length === 0 ? (
        <EmptyState icon="user" title="No groups">
          Create one, then add users to it.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Group</th>
                <th>Members</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {groups.data?.map((group) => (
                <tr key={group.id}>
                  <td>{group.displayName}</td>
                  <td className="muted">{plural(group.members?.length ?? 0, 'member')}</td>
                  <td className="actions">
                    <Button small onClick={() => setOpen(group.id)}>
                      Members
                    </Button>{' '}
                    <Menu
                      label={`Actions for ${group.displayName}`}
                      actions={[
                        {
                          label: 'Delete',
                          icon: 'trash',
                          danger: true,
                          disabled: BUILT_IN.has(group.displayName),
                          onSelect: () => setDeleting(group),
                        },
                      ]}
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
      {creating && <CreateGroupDialog account={account} onClose={() => setCreating(false)} onDone={reload} />}
      {shown && <MembersDialog account={account} group={shown} onClose={() => setOpen(null)} onChanged={reload} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.displayName}?`}
          submitLabel="Delete group"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteGroup(deleting.id, account);
            await reload();
            toast(`${deleting.displayName} deleted`);
          }}
        >
          <p>Its members lose what was granted to the group.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}

function CreateGroupDialog({ account, onClose, onDone }: { account: string | undefined; onClose: () => void; onDone: () => Promise<unknown> }) {
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="Create group"
      submitLabel="Create"
      disabled={!name.trim()}
      onClose={onClose}
      onSubmit={async () => {
        await createGroup(name.trim(), account);
        await onDone();
      }}
    >
      <TextField label="Name" value={name} onChange={(event) => setName(event.target.value)} />
    </FormDialog>
  );
}

interface MembersProps {
  account: string | undefined;
  group: ScimGroup;
  onClose: () => void;
  onChanged: () => Promise<unknown>;
}

function MembersDialog({ account, group, onClose, onChanged }: MembersProps) {
  const users = useQuery(usersOf(account));
  const [adding, setAdding] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const members = group.members ?? [];
  const others = users.data?.filter(({ id }) => !members.some(({ value }) => value === id)) ?? [];
  const change = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      setAdding('');
      await onChanged();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const nameOf = (id: string, display: string | undefined) =>
    users.data?.find((user) => user.id === id)?.userName ?? display ?? id;
  return (
    <Dialog title={`Members of ${group.displayName}`} onClose={onClose}>
      <div className="add-member">
        <SelectField label="Add a user" value={adding} onChange={(event) => setAdding(event.target.value)}>
          <option value="">{others.length > 0 ? 'Choose…' : 'Everybody is in it'}</option>
          {others.map((user) => (
            <option key={user.id} value={user.id}>
              {user.userName}
            </option>
          ))}
        </SelectField>
        <Button variant="primary" busy={busy} disabled={!adding} onClick={() => void change(() => addMember(group.id, adding, account))}>
          Add
        </Button>
      </div>
      {error !== null && <ErrorNotice error={error} />}
      {members.length === 0 ? (
        <p className="muted">Nobody is in it yet.</p>
      ) : (
        <ul className="members">
          {members.map(({ value = '', display }) => (
            <li key={value} className="row">
              <Icon name="user" />
              <span className="grow">{nameOf(value, display)}</span>
              <IconButton
                icon="close"
                label={`Remove ${nameOf(value, display)}`}
                disabled={busy}
                onClick={() => void change(() => removeMember(group.id, value, account))}
              />
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}
