/** Change or delete one object of the catalog. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deleteSecurable, updateSecurable } from '../../api/catalog';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, TextArea, TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';
import { PrincipalList, PRINCIPALS_ID } from './PrincipalList';
import { fullName, targetPath, TYPES, type Target } from './target';

function useReload() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: ['uc'] });
}

export function CommentDialog({ target, comment, onClose }: { target: Target; comment: string; onClose: () => void }) {
  const [text, setText] = useState(comment);
  const reload = useReload();
  const save = async () => {
    await updateSecurable(TYPES[target.kind], fullName(target), { comment: text });
    await reload();
  };
  return (
    <FormDialog title="Edit comment" submitLabel="Save" onClose={onClose} onSubmit={save}>
      <TextArea label="Comment" value={text} onChange={setText} rows={4} />
    </FormDialog>
  );
}

export function OwnerDialog({ target, owner, onClose }: { target: Target; owner: string; onClose: () => void }) {
  const [name, setName] = useState(owner);
  const reload = useReload();
  const save = async () => {
    await updateSecurable(TYPES[target.kind], fullName(target), { owner: name.trim() });
    await reload();
    toast(`The owner is now ${name.trim()}`);
  };
  return (
    <FormDialog title="Change owner" submitLabel="Change owner" disabled={!name.trim()} onClose={onClose} onSubmit={save}>
      <TextField
        label="New owner"
        hint="A user, a group or a service principal's application id. You lose the owner's rights."
        list={PRINCIPALS_ID}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <PrincipalList />
    </FormDialog>
  );
}

interface DeleteProps {
  target: Target;
  kindLabel: string;
  onClose: () => void;
}

export function DeleteDialog({ target, kindLabel, onClose }: DeleteProps) {
  const [typed, setTyped] = useState('');
  const [force, setForce] = useState(false);
  const client = useQueryClient();
  const name = target.path.at(-1) ?? '';
  const container = target.kind === 'catalog' || target.kind === 'schema';
  const remove = async () => {
    await deleteSecurable(TYPES[target.kind], fullName(target), force);
    const parent = target.path.slice(0, -1);
    navigate(parent.length > 0 ? targetPath({ kind: parent.length > 1 ? 'schema' : 'catalog', path: parent }) : '/catalog');
    toast(`${name} deleted`);
    await client.invalidateQueries({ queryKey: ['uc'] });
  };
  return (
    <FormDialog
      title={`Delete ${kindLabel.toLowerCase()} ${name}?`}
      submitLabel="Delete"
      danger
      disabled={typed !== name}
      onClose={onClose}
      onSubmit={remove}
    >
      <p>
        {target.kind === 'volume' ? 'Files of a managed volume are deleted with it.' : 'Data of managed tables is deleted with it.'} This
        cannot be undone.
      </p>
      <TextField label={`Type ${name} to confirm`} value={typed} onChange={(event) => setTyped(event.target.value)} />
      {container && (
        <Checkbox label="Also delete everything in it" checked={force} onChange={(event) => setForce(event.target.checked)} />
      )}
    </FormDialog>
  );
}
