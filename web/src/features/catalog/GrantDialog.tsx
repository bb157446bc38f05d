import { useState } from 'react';
import { privilegeLabel } from '../../lib/format';
import { FormDialog } from '../../ui/Dialog';
import { Checkbox, TextField } from '../../ui/Fields';
import { PrincipalList, PRINCIPALS_ID } from './PrincipalList';
import { fullName, type Target, type TargetKind } from './target';

/** What can be granted on each kind; what stands on a container holds for all that is in it. */
const PRIVILEGES: Record<TargetKind, readonly string[]> = {
  catalog: [
    'USE_CATALOG', 'USE_SCHEMA', 'SELECT', 'MODIFY', 'EXECUTE', 'READ_VOLUME', 'WRITE_VOLUME', 'CREATE_SCHEMA',
    'CREATE_TABLE', 'CREATE_VOLUME', 'CREATE_FUNCTION', 'BROWSE', 'MANAGE', 'ALL_PRIVILEGES',
  ],
  schema: [
    'USE_SCHEMA', 'SELECT', 'MODIFY', 'EXECUTE', 'READ_VOLUME', 'WRITE_VOLUME', 'CREATE_TABLE', 'CREATE_VOLUME',
    'CREATE_FUNCTION', 'MANAGE', 'ALL_PRIVILEGES',
  ],
  table: ['SELECT', 'MODIFY', 'MANAGE', 'ALL_PRIVILEGES'],
  volume: ['READ_VOLUME', 'WRITE_VOLUME', 'MANAGE', 'ALL_PRIVILEGES'],
  function: ['EXECUTE', 'MANAGE', 'ALL_PRIVILEGES'],
};

interface GrantProps {
  target: Target;
  onClose: () => void;
  onGrant: (principal: string, privileges: string[]) => Promise<void>;
}

export function GrantDialog({ target, onClose, onGrant }: GrantProps) {
  const [principal, setPrincipal] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (privilege: string) => {
    const next = new Set(chosen);
    if (!next.delete(privilege)) next.add(privilege);
    setChosen(next);
  };
  return (
    <FormDialog
      title={`Grant on ${fullName(target)}`}
      submitLabel="Grant"
      disabled={!principal.trim() || chosen.size === 0}
      onClose={onClose}
      onSubmit={() => onGrant(principal.trim(), [...chosen])}
    >
      <TextField
        label="To"
        hint="A user name, a group, or a service principal's application id."
        list={PRINCIPALS_ID}
        value={principal}
        onChange={(event) => setPrincipal(event.target.value)}
      />
      <PrincipalList />
      <fieldset className="privileges">
        <legend className="field-label">Privileges</legend>
        {PRIVILEGES[target.kind].map((privilege) => (
          <Checkbox
            key={privilege}
            label={privilegeLabel(privilege)}
            checked={chosen.has(privilege)}
            onChange={() => toggle(privilege)}
          />
        ))}
      </fieldset>
      {target.kind !== 'catalog' && (
        <p className="small muted">Reading also needs USE CATALOG and USE SCHEMA on what it stands in.</p>
      )}
    </FormDialog>
  );
}
