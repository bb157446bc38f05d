/** Who of the account may enter a workspace, and as what. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { assign, unassign } from '../../api/account';
import type { Assignment, WorkspaceInfo } from '../../api/types';
import { groupsOf, servicePrincipalsOf, usersOf } from '../../app/people';
import { Button, IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField } from '../../ui/Fields';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { SectionCard } from '../settings/SectionCard';
import { assignmentsQuery } from './queries';

type Level = 'USER' | 'ADMIN';
const LEVELS: Record<Level, string> = { USER: 'User', ADMIN: 'Admin' };
const kindOf = ({ principal }: Assignment) => (principal.group_name ? 'Group' : principal.user_name ? 'User' : 'Service principal');
const levelOf = ({ permissions }: Assignment): Level => (permissions.includes('ADMIN') ? 'ADMIN' : 'USER');

export function AssignmentsCard({ account, workspace }: { account: string; workspace: WorkspaceInfo }) {
  const client = useQueryClient();
  const id = String(workspace.workspace_id);
  const query = useQuery(assignmentsQuery(account, id));
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Assignment | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: assignmentsQuery(account, id).queryKey });
  const change = async (one: Assignment, level: Level) => {
    try {
      await assign(account, id, String(one.principal.principal_id), level);
      toast(`${one.principal.display_name}: ${LEVELS[level]}`);
    } catch (error) {
      toastError(error);
    } finally {
      await reload();
    }
  };
  return (
    <SectionCard
      title="Who is in it"
      text="People, groups and service principals of the account who may enter this workspace."
      query={query}
      ready={query.data !== undefined}
      columns={4}
      action={
        <Button icon="plus" onClick={() => setAdding(true)}>
          Let in
        </Button>
      }
    >
      {query.data?.length === 0 ? (
        <EmptyState icon="user" title="Nobody">
          Admins of the account see it here, but nobody works in it.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Name</th>
                <th>Kind</th>
                <th>As</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {query.data?.map((one) => (
                <tr key={one.principal.principal_id}>
                  <td>
                    {one.principal.display_name}
                    {one.principal.user_name && one.principal.user_name !== one.principal.display_name && <span className="resource-note">{one.principal.user_name}</span>}
                  </td>
                  <td className="muted nowrap">{kindOf(one)}</td>
                  <td>
                    <select
                      className="select small level"
                      aria-label={`${one.principal.display_name} is here as`}
                      value={levelOf(one)}
                      onChange={(event) => void change(one, event.target.value as Level)}
                    >
                      {Object.entries(LEVELS).map(([key, label]) => (
                        <option key={key} value={key}>
                          {label}
                        </option>
                      ))}
                    </select>
                  </td>
                  <td className="actions">
                    <IconButton icon="trash" label={`Take ${one.principal.display_name} out`} onClick={() => setRemoving(one)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
      {adding && <AddDialog account={account} id={id} known={query.data ?? []} onClose={() => setAdding(false)} onDone={reload} />}
      {removing && (
        <FormDialog
          title={`Take ${removing.principal.display_name} out?`}
          submitLabel="Take out"
          danger
          onClose={() => setRemoving(null)}
          onSubmit={async () => {
            await unassign(account, id, String(removing.principal.principal_id));
            await reload();
          }}
        >
          <p>They cannot enter {workspace.workspace_name} any more, unless a group of theirs may. What they own stays.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}

interface AddProps {
  account: string;
  id: string;
  known: readonly Assignment[];
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

function AddDialog({ account, id, known, onClose, onDone }: AddProps) {
  const users = useQuery(usersOf(account));
  const groups = useQuery(groupsOf(account));
  const services = useQuery(servicePrincipalsOf(account));
  const [who, setWho] = useState('');
  const [level, setLevel] = useState<Level>('USER');
  const there = new Set(known.map(({ principal }) => String(principal.principal_id)));
  const offered: readonly [string, (readonly [string, string])[]][] = [
    ['Groups', (groups.data ?? []).map((one) => [one.id, one.displayName] as const)],
    ['Users', (users.data ?? []).map((one) => [one.id, one.userName] as const)],
    ['Service principals', (services.data ?? []).map((one) => [one.id, one.displayName ?? one.applicationId] as const)],
  ];
  return (
    <FormDialog
      title="Let somebody in"
      submitLabel="Let in"
      disabled={!who}
      onClose={onClose}
      onSubmit={async () => {
        await assign(account, id, who, level);
        await onDone();
      }}
    >
      <SelectField label="Who" value={who} onChange={(event) => setWho(event.target.value)}>
        <option value="" disabled>
          Choose…
        </option>
        {offered.map(([label, list]) => {
          const left = list.filter(([key]) => !there.has(key));
          return (
            left.length > 0 && (
              <optgroup key={label} label={label}>
                {left.map(([key, name]) => (
                  <option key={key} value={key}>
                    {name}
                  </option>
                ))}
              </optgroup>
            )
          );
        })}
      </SelectField>
      <SelectField label="As" hint={level === 'ADMIN' ? 'Manages the people, the compute and the rules of the workspace.' : 'Works in it.'} value={level} onChange={(event) => setLevel(event.target.value as Level)}>
        {Object.entries(LEVELS).map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
