/** A list of things that an account keeps for its workspaces: create, see who uses it, delete what nobody does. */
import { useQuery, useQueryClient, type UseQueryResult } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { WorkspaceInfo } from '../../api/types';
import { Link } from '../../lib/router';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { Icon, type IconName } from '../../ui/Icon';
import { Menu, type MenuAction } from '../../ui/Menu';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { SectionCard } from '../settings/SectionCard';
import { accountWorkspacesQuery } from './queries';

interface ResourceProps<T> {
  account: string;
  title: string;
  text: string;
  /** What one is called: `Create {one}`. */
  one: string;
  icon: IconName;
  empty: string;
  query: UseQueryResult<T[]>;
  idOf: (item: T) => string;
  nameOf: (item: T) => string;
  columns: readonly (readonly [string, (item: T) => ReactNode])[];
  /** Undefined: what it is used by is not known to workspaces. */
  uses?: (workspace: WorkspaceInfo, item: T) => boolean;
  remove: (id: string) => Promise<unknown>;
  actions?: (item: T) => MenuAction[];
  Create: (props: { onClose: () => void; onDone: () => Promise<unknown> }) => ReactNode;
}

export function ResourceSection<T>({ account, title, text, one, icon, empty, query, idOf, nameOf, columns, uses, remove, actions, Create }: ResourceProps<T>) {
  const client = useQueryClient();
  const workspaces = useQuery(accountWorkspacesQuery(account));
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<T | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['account'] });
  const usersOf = (item: T) => (uses ? (workspaces.data?.filter((workspace) => uses(workspace, item)) ?? []) : []);
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      Create {one}
    </Button>
  );
  return (
    <SectionCard title={title} text={text} query={query} ready={query.data !== undefined} columns={columns.length + 2} action={create}>
      {query.data?.length === 0 ? (
        <EmptyState icon={icon} title={`No ${one}`}>
          {empty}
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Name</th>
                {columns.map(([label]) => (
                  <th key={label}>{label}</th>
                ))}
                {uses && <th>Workspaces</th>}
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {query.data?.map((item) => {
                const used = usersOf(item);
                return (
                  <tr key={idOf(item)}>
                    <td>
                      {nameOf(item)}
                      <span className="resource-note mono">{idOf(item)}</span>
                    </td>
                    {columns.map(([label, cell]) => (
                      <td key={label}>{cell(item)}</td>
                    ))}
                    {uses && (
                      <td>
                        {used.length === 0 ? (
                          <span className="muted">None</span>
                        ) : (
                          used.map(({ workspace_id, workspace_name }) => (
                            <Link key={workspace_id} className="used-by" to={`/account/workspaces/${workspace_id}`}>
                              {workspace_name}
                            </Link>
                          ))
                        )}
                      </td>
                    )}
                    <td className="actions">
                      <Menu
                        label={`Actions for ${nameOf(item)}`}
                        actions={[
                          ...(actions?.(item) ?? []),
                          { label: used.length > 0 ? 'Delete (in use)' : 'Delete', icon: 'trash', danger: true, disabled: used.length > 0, onSelect: () => setDeleting(item) },
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
      {creating && <Create onClose={() => setCreating(false)} onDone={reload} />}
      {deleting && (
        <FormDialog
          title={`Delete ${nameOf(deleting)}?`}
          submitLabel="Delete"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await remove(idOf(deleting));
            await reload();
            toast(`${nameOf(deleting)} deleted`);
          }}
        >
          <p>Only the account’s record goes. What it names in the cloud account stays as it is.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}
