/** IP access lists of the workspace: block lists first, then allow lists. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeIpList, createIpList, deleteIpList, enableIpLists } from '../../api/network';
import type { IpAccessList } from '../../api/types';
import { formatTime, plural } from '../../lib/format';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, SelectField, TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { Head } from './Head';
import { Chips } from './HereCard';
import { HostsField } from './HostsField';
import type { SectionProps } from './NetworkPage';
import { linesOf } from './policy';
import { ipListsQuery, networkQuery } from './queries';

export function AccessListsSection({ title, text }: SectionProps) {
  const client = useQueryClient();
  const query = useQuery(ipListsQuery);
  const network = useQuery(networkQuery);
  const [editing, setEditing] = useState<IpAccessList | 'new' | null>(null);
  const [deleting, setDeleting] = useState<IpAccessList | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: ['network'] });
  const on = network.data?.ip_access_lists_enabled;
  const change = async (work: Promise<unknown>, done: string) => {
    try {
      await work;
      toast(done);
    } catch (error) {
      toastError(error);
    } finally {
      await reload();
    }
  };
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setEditing('new')}>
      Create list
    </Button>
  );
  return (
    <>
      <Head title={title} text={text}>
        {create}
      </Head>
      <div className={`notice switch-notice ${on ? 'accent' : ''}`}>
        <Icon name="shield" />
        <div className="grow">
          <strong>{on === undefined ? 'Loading…' : on ? 'The lists count.' : 'The lists do not count.'}</strong>{' '}
          {on ? 'Who comes from an address they refuse gets 403.' : 'Everybody may come, from every address.'}
          {network.data?.source_ip && <> You come from {network.data.source_ip}.</>}
        </div>
        <Button small disabled={on === undefined} onClick={() => void change(enableIpLists(!on), on ? 'The lists no longer count' : 'The lists count')}>
          {on ? 'Switch off' : 'Switch on'}
        </Button>
      </div>
      <section className="card" aria-label="Lists">
        {query.data ? (
          query.data.length > 0 ? (
            <ListTable
              list={query.data}
              onEdit={setEditing}
              onDelete={setDeleting}
              onToggle={(one) => void change(changeIpList(one.list_id, { enabled: !one.enabled }), `${one.label} ${one.enabled ? 'switched off' : 'switched on'}`)}
            />
          ) : (
            <EmptyState icon="shield" title="No lists" actions={create}>
              Block lists refuse addresses. As soon as there is an allow list, only its addresses may come.
            </EmptyState>
          )
        ) : query.error ? (
          <ErrorState error={query.error} retry={() => void query.refetch()} />
        ) : (
          <SkeletonRows rows={3} columns={5} />
        )}
      </section>
      {editing && <ListDialog list={editing === 'new' ? null : editing} onClose={() => setEditing(null)} onSaved={reload} />}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.label}?`}
          submitLabel="Delete list"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await deleteIpList(deleting.list_id);
            await reload();
            toast(`${deleting.label} deleted`);
          }}
        >
          <p>{deleting.list_type === 'ALLOW' ? 'Without any allow list, everybody who is not blocked may come.' : 'Its addresses may come again.'}</p>
        </FormDialog>
      )}
    </>
  );
}

interface ListTableProps {
  list: readonly IpAccessList[];
  onEdit: (list: IpAccessList) => void;
  onDelete: (list: IpAccessList) => void;
  onToggle: (list: IpAccessList) => void;
}

function ListTable({ list, onEdit, onDelete, onToggle }: ListTableProps) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>List</th>
            <th>Kind</th>
            <th>Addresses</th>
            <th>State</th>
            <th>Changed</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {list.map((one) => (
            <tr key={one.list_id}>
              <td>{one.label}</td>
              <td>
                <span className={`badge ${one.list_type === 'ALLOW' ? 'ok' : 'danger'}`}>{one.list_type === 'ALLOW' ? 'Allow' : 'Block'}</span>
              </td>
              <td title={plural(one.address_count, 'address', 'addresses')}>
                <Chips items={one.ip_addresses} />
              </td>
              <td>{one.enabled ? 'On' : <span className="muted">Off</span>}</td>
              <td className="nowrap">{formatTime(one.updated_at)}</td>
              <td className="actions">
                <Menu
                  label={`Actions for ${one.label}`}
                  actions={[
                    { label: 'Edit', icon: 'edit', onSelect: () => onEdit(one) },
                    { label: one.enabled ? 'Switch off' : 'Switch on', icon: one.enabled ? 'stop' : 'play', onSelect: () => onToggle(one) },
                    { label: 'Delete', icon: 'trash', danger: true, onSelect: () => onDelete(one) },
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
  );
}

const ADDRESS = /^[0-9a-f:.]+(\/\d{1,3})?$/i;

function ListDialog({ list, onClose, onSaved }: { list: IpAccessList | null; onClose: () => void; onSaved: () => Promise<unknown> }) {
  const [label, setLabel] = useState(list?.label ?? '');
  const [kind, setKind] = useState(list?.list_type ?? 'ALLOW');
  const [text, setText] = useState(list?.ip_addresses.join('\n') ?? '');
  const [enabled, setEnabled] = useState(list?.enabled ?? true);
  const addresses = linesOf(text);
  const bad = addresses.find((line) => !ADDRESS.test(line));
  return (
    <FormDialog
      title={list ? `Edit ${list.label}` : 'Create IP access list'}
      submitLabel={list ? 'Save' : 'Create'}
      disabled={!label.trim() || addresses.length === 0 || bad !== undefined}
      onClose={onClose}
      onSubmit={async () => {
        const request = { label: label.trim(), list_type: kind, ip_addresses: addresses };
        await (list ? changeIpList(list.list_id, { ...request, enabled }) : createIpList(request));
        await onSaved();
        toast(`${request.label} ${list ? 'saved' : 'created'}`);
      }}
    >
      <TextField label="Label" placeholder="Office" value={label} onChange={(event) => setLabel(event.target.value)} />
      <SelectField label="Kind" value={kind} onChange={(event) => setKind(event.target.value)}>
        <option value="ALLOW">Allow</option>
        <option value="BLOCK">Block</option>
      </SelectField>
      <HostsField
        label="Addresses"
        hint="One a line: 198.51.100.7, 203.0.113.0/24, or of IPv6."
        value={text}
        problem={bad && `“${bad}” is not an address.`}
        rows={5}
        onChange={setText}
      />
      {list && <Checkbox label="It counts" checked={enabled} onChange={(event) => setEnabled(event.target.checked)} />}
    </FormDialog>
  );
}
