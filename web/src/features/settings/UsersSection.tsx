/** Users of the workspace, or of the account: list, create with a password, deactivate, delete. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { usersOf } from '../../app/people';
import { useSession } from '../../app/session';
import { createUser, deleteUser, isAccountAdmin, setAccountAdmin, setUserActive } from '../../api/people';
import type { ScimUser } from '../../api/types';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { SectionCard } from './SectionCard';

const PASSWORD_MIN = 8;

export interface PeopleProps {
  /** The account whose people they are; without one those of the workspace. */
  account?: string;
}

export function UsersSection({ account }: PeopleProps) {
  const client = useQueryClient();
  const session = useSession();
  const users = useQuery(usersOf(account));
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<ScimUser | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['users'] });
  const change = async (work: Promise<unknown>) => {
    try {
      await work;
      await reload();
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <SectionCard
      title="Users"
      text={account ? 'Everybody in the account. Whom a workspace lets in stands on its page.' : 'People who may sign in to this workspace.'}
      query={users}
      ready={users.data !== undefined}
      columns={4}
      action={
        <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
          Create user
        </Button>
      }
    >
      {users.data?.length === 0 ? (
        <EmptyState icon="user" title="No users">
          Create one, so that somebody else can sign in.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>User name</th>
                <th>Name</th>
                <th>Groups</th>
                <th>State</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {users.data?.map((user) => {
                const self = user.userName === session.user_name;
                const active = user.active !== false;
                return (
                  <tr key={user.id}>
                    <td>
                      {user.userName} {self && <span className="muted">(you)</span>}
                      {account && isAccountAdmin(user) && <span className="badge accent role-badge">Account admin</span>}
                    </td>
                    <td>{user.displayName ?? ''}</td>
                    <td className="muted">{user.groups?.map((group) => group.display ?? group.value).join(', ')}</td>
                    <td>{active ? <span className="badge ok">Active</span> : <span className="badge">Inactive</span>}</td>
                    <td className="actions">
                      <Menu
                        label={`Actions for ${user.userName}`}
                        actions={[
                          {
                            label: active ? 'Deactivate' : 'Activate',
                            disabled: self,
                            onSelect: () => void change(setUserActive(user.id, !active, account)),
                          },
                          ...(account
                            ? [
                                {
                                  label: isAccountAdmin(user) ? 'Take away account admin' : 'Make account admin',
                                  disabled: self,
                                  onSelect: () => void change(setAccountAdmin(user.id, !isAccountAdmin(user), account)),
                                },
                              ]
                            : []),
                          { label: 'Delete', icon: 'trash', danger: true, disabled: self, onSelect: () => setDeleting(user) },
                        ]}
                      >
                        <Icon name="more" />
                      </Menu>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </TableWrap>
      )}
      {creating && <CreateUserDialog account={account} onClose={() => setCreating(false)} onDone={reload} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.userName}?`}
          submitLabel="Delete user"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteUser(deleting.id, account);
            await reload();
            toast(`${deleting.userName} deleted`);
          }}
        >
          <p>They can no longer sign in, and their tokens stop working. What they own stays.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}

function CreateUserDialog({ account, onClose, onDone }: { account: string | undefined; onClose: () => void; onDone: () => Promise<unknown> }) {
  const [userName, setUserName] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [password, setPassword] = useState('');
  const short = password !== '' && password.length < PASSWORD_MIN;
  return (
    <FormDialog
      title="Create user"
      submitLabel="Create"
      disabled={!userName.trim() || password.length < PASSWORD_MIN}
      onClose={onClose}
      onSubmit={async () => {
        const name = userName.trim();
        await createUser({ userName: name, displayName: displayName.trim() || name, password }, account);
        await onDone();
        toast(`${name} created`);
      }}
    >
      <TextField label="User name" hint="An e-mail address." type="email" value={userName} onChange={(event) => setUserName(event.target.value)} />
      <TextField label="Name" value={displayName} onChange={(event) => setDisplayName(event.target.value)} />
      <TextField
        label="Password"
        type="password"
        autoComplete="new-password"
        hint="Give it to them in a safe way."
        problem={short ? `At least ${PASSWORD_MIN} characters.` : undefined}
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </FormDialog>
  );
}
