/** Who may use and manage a warehouse or a cluster. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  entriesOf,
  getPermissionLevels,
  getPermissions,
  grantPermission,
  requestOf,
  setPermissions,
  type Entry,
  type PermittedObject,
  type PrincipalKind,
} from '../../api/permissions';
import { groupsQuery, servicePrincipalsQuery, usersQuery } from '../../app/people';
import { privilegeLabel, titleCase } from '../../lib/format';
import { Button, IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';

const KINDS: Record<PrincipalKind, string> = { group_name: 'Group', user_name: 'User', service_principal_name: 'Service principal' };
const OWNER = 'IS_OWNER';
const keyOf = ({ kind, name, level, inheritedFrom = '' }: Entry) => [kind, name, level, inheritedFrom].join(' ');

export function PermissionsCard({ object, name }: { object: PermittedObject; name: string }) {
  const client = useQueryClient();
  const queryKey = ['permissions', object.type, object.id];
  const query = useQuery({ queryKey, queryFn: ({ signal }) => getPermissions(object, signal) });
  const levels = useQuery({ queryKey: [...queryKey, 'levels'], queryFn: ({ signal }) => getPermissionLevels(object, signal), staleTime: 600_000 });
  const [granting, setGranting] = useState(false);
  const [removing, setRemoving] = useState<Entry | null>(null);
  const entries = query.data ? entriesOf(query.data.access_control_list) : [];
  const reload = () => client.invalidateQueries({ queryKey });
  const names = (levels.data ?? []).map(({ permission_level }) => permission_level).filter((level) => level !== OWNER);
  const change = async (entry: Entry, level: string) => {
    try {
      await grantPermission(object, [requestOf({ ...entry, level })]);
      toast(`${entry.name}: ${privilegeLabel(level)}`);
    } catch (error) {
      toastError(error);
    } finally {
      await reload();
    }
  };
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonRows rows={4} columns={3} />;
  return (
    <>
      <div className="card-head">
        <p className="grow muted small">What is inherited can be changed only where it was given.</p>
        <Button small variant="primary" icon="plus" onClick={() => setGranting(true)}>
          Grant access
        </Button>
      </div>
      {entries.length === 0 ? (
        <EmptyState icon="shield" title="Nobody has access">
          Grant it to a group, a person or a service principal.
        </EmptyState>
      ) : (
        <EntryTable entries={entries} levels={names} onChange={(entry, level) => void change(entry, level)} onRemove={setRemoving} />
      )}
      {granting && (
        <GrantAccess
          levels={names}
          describe={(level) => levels.data?.find(({ permission_level }) => permission_level === level)?.description}
          onClose={() => setGranting(false)}
          onGrant={async (entry) => {
            await grantPermission(object, [requestOf(entry)]);
            await reload();
            toast(`${entry.name}: ${privilegeLabel(entry.level)}`);
          }}
        />
      )}
      {removing && (
        <FormDialog
          title="Remove access?"
          submitLabel="Remove"
          danger
          onClose={() => setRemoving(null)}
          onSubmit={async () => {
            const kept = entries.filter((entry) => keyOf(entry) !== keyOf(removing) && entry.inheritedFrom === undefined);
            await setPermissions(object, kept.map(requestOf));
            await reload();
          }}
        >
          <p>
            {removing.name} loses {privilegeLabel(removing.level)} on {name}, unless it is inherited.
          </p>
        </FormDialog>
      )}
    </>
  );
}

interface TableProps {
  entries: readonly Entry[];
  levels: readonly string[];
  onChange: (entry: Entry, level: string) => void;
  onRemove: (entry: Entry) => void;
}

function EntryTable({ entries, levels, onChange, onRemove }: TableProps) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>Kind</th>
            <th>Permission</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => {
            const fixed = entry.inheritedFrom !== undefined || entry.level === OWNER;
            return (
              <tr key={keyOf(entry)}>
                <td>
                  {entry.name} {entry.label && <span className="muted">{entry.label}</span>}
                </td>
                <td className="muted nowrap">{KINDS[entry.kind]}</td>
                <td>
                  {fixed ? (
                    <span className="row">
                      <span className="badge">{privilegeLabel(entry.level)}</span>
                      {entry.inheritedFrom && <span className="muted small">inherited from {entry.inheritedFrom}</span>}
                    </span>
                  ) : (
                    <select
                      className="select small level"
                      aria-label={`Permission of ${entry.name}`}
                      value={entry.level}
                      onChange={(event) => onChange(entry, event.target.value)}
                    >
                      {(levels.includes(entry.level) ? levels : [entry.level, ...levels]).map((level) => (
                        <option key={level} value={level}>
                          {privilegeLabel(level)}
                        </option>
                      ))}
                    </select>
                  )}
                </td>
                <td className="actions">
                  {!fixed && <IconButton icon="trash" label={`Remove ${entry.name}`} onClick={() => onRemove(entry)} />}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableWrap>
  );
}

interface GrantProps {
  levels: readonly string[];
  describe: (level: string) => string | undefined;
  onClose: () => void;
  onGrant: (entry: Pick<Entry, 'kind' | 'name' | 'level'>) => Promise<void>;
}

function GrantAccess({ levels, describe, onClose, onGrant }: GrantProps) {
  const [kind, setKind] = useState<PrincipalKind>('group_name');
  const [name, setName] = useState('');
  const [chosen, setLevel] = useState('');
  const level = chosen || (levels.includes('CAN_USE') ? 'CAN_USE' : (levels[0] ?? ''));
  const users = useQuery({ ...usersQuery, retry: false, enabled: kind === 'user_name' });
  const groups = useQuery({ ...groupsQuery, retry: false, enabled: kind === 'group_name' });
  const services = useQuery({ ...servicePrincipalsQuery, retry: false, enabled: kind === 'service_principal_name' });
  const known: [string, string | undefined][] =
    kind === 'group_name'
      ? (groups.data ?? []).map(({ displayName }) => [displayName, undefined])
      : kind === 'user_name'
        ? (users.data ?? []).map(({ userName, displayName }) => [userName, displayName])
        : (services.data ?? []).map(({ applicationId, displayName }) => [applicationId, displayName]);
  return (
    <FormDialog
      title="Grant access"
      submitLabel="Grant"
      disabled={!name.trim() || !level}
      onClose={onClose}
      onSubmit={() => onGrant({ kind, name: name.trim(), level })}
    >
      <SelectField
        label="Kind"
        value={kind}
        onChange={(event) => {
          setKind(event.target.value as PrincipalKind);
          setName('');
        }}
      >
        {Object.entries(KINDS).map(([key, label]) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextField
        label={kind === 'service_principal_name' ? 'Application id' : 'Name'}
        list="permission-principals"
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <datalist id="permission-principals">
        {known.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </datalist>
      <SelectField label="Permission" hint={describe(level)} value={level} onChange={(event) => setLevel(event.target.value)}>
        {levels.map((one) => (
          <option key={one} value={one}>
            {titleCase(one)}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
