import { useState } from 'react';
import { changePassword } from '../../api/session';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';

const PASSWORD_MIN = 8;

export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const short = next !== '' && next.length < PASSWORD_MIN;
  const differs = again !== '' && again !== next;
  return (
    <FormDialog
      title="Change password"
      submitLabel="Change password"
      disabled={!current || next.length < PASSWORD_MIN || again !== next}
      onClose={onClose}
      onSubmit={async () => {
        await changePassword(current, next);
        toast('Password changed');
      }}
    >
      <TextField
        label="Current password"
        type="password"
        autoComplete="current-password"
        value={current}
        onChange={(event) => setCurrent(event.target.value)}
      />
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        problem={short ? `At least ${PASSWORD_MIN} characters.` : undefined}
        value={next}
        onChange={(event) => setNext(event.target.value)}
      />
      <TextField
        label="New password again"
        type="password"
        autoComplete="new-password"
        problem={differs ? 'The two differ.' : undefined}
        value={again}
        onChange={(event) => setAgain(event.target.value)}
      />
    </FormDialog>
  );
}
