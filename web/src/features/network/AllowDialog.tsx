/** One more destination in the policy of this workspace. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { getPolicy, updatePolicy } from '../../api/network';
import type { NetworkPolicy } from '../../api/types';
import { useSession } from '../../app/session';
import { FormDialog } from '../../ui/Dialog';
import { toast } from '../../ui/Toasts';
import { wildcardOf, withRule, type Hint } from './policy';

interface AllowProps {
  hint: Hint;
  policy: NetworkPolicy;
  onClose: () => void;
}

export function AllowDialog({ hint, policy, onClose }: AllowProps) {
  const { account_id: account } = useSession();
  const client = useQueryClient();
  const value = hint.rule ? hint.value : '';
  const wide = hint.rule === 'internet' ? wildcardOf(value) : undefined;
  const choices = wide ? [value, wide] : [value];
  const [pattern, setPattern] = useState(value);
  const id = policy.network_policy_id ?? '';
  return (
    <FormDialog
      title={`Allow ${value}?`}
      submitLabel="Allow"
      onClose={onClose}
      onSubmit={async () => {
        // As it is now, not as it was when the page was drawn.
        await updatePolicy(account, id, withRule(await getPolicy(account, id), hint, pattern));
        await client.invalidateQueries({ queryKey: ['network'] });
        toast(`${pattern} may be reached`);
      }}
    >
      <p>
        It is added to the network policy <code>{id}</code>, for every workspace that has this policy. Sandboxes that run may reach it within a second.
      </p>
      {choices.length > 1 && (
        <fieldset className="choices">
          <legend className="field-label">What to allow</legend>
          {choices.map((choice) => (
            <label key={choice} className="choice">
              <input type="radio" name="pattern" checked={pattern === choice} onChange={() => setPattern(choice)} />
              <code>{choice}</code>
              <span className="muted small">{choice.startsWith('*') ? 'every name below it' : 'this name only'}</span>
            </label>
          ))}
        </fieldset>
      )}
    </FormDialog>
  );
}
