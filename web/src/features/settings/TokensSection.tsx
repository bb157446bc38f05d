/** Personal access tokens: create, copy once, revoke. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createToken, listTokens, revokeToken } from '../../api/tokens';
import type { TokenInfo } from '../../api/types';
import { formatTime } from '../../lib/format';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { SecretDialog } from './SecretDialog';
import { SectionCard } from './SectionCard';

const KEY = ['tokens'];
const DAY_S = 86_400;
const LIFETIMES: readonly [number, string][] = [
  [7, '7 days'],
  [30, '30 days'],
  [90, '90 days'],
  [365, 'One year'],
  [0, 'No end'],
];

export function TokensSection() {
  const client = useQueryClient();
  const tokens = useQuery({ queryKey: KEY, queryFn: ({ signal }) => listTokens(signal) });
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<string | null>(null);
  const [revoking, setRevoking] = useState<TokenInfo | null>(null);
  const reload = () => client.invalidateQueries({ queryKey: KEY });
  const rows = [...(tokens.data ?? [])].sort((a, b) => b.creation_time - a.creation_time);
  return (
    <SectionCard
      title="Access tokens"
      text="For tools and scripts that act as you: SDKs, the CLI, SQL drivers."
      query={tokens}
      ready={tokens.data !== undefined}
      columns={4}
      action={
        <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
          Create token
        </Button>
      }
    >
      {rows.length === 0 ? (
        <EmptyState icon="key" title="No tokens">
          Create one to connect a tool. It has your rights until it ends or is revoked.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Comment</th>
                <th>Created</th>
                <th>Ends</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((token) => (
                <tr key={token.token_id}>
                  <td>{token.comment || <span className="muted">No comment</span>}</td>
                  <td className="nowrap">{formatTime(token.creation_time)}</td>
                  <td className="nowrap">{token.expiry_time < 0 ? 'Never' : formatTime(token.expiry_time)}</td>
                  <td className="actions">
                    <Button small icon="trash" onClick={() => setRevoking(token)}>
                      Revoke
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
      {creating && (
        <CreateTokenDialog
          onClose={() => setCreating(false)}
          onMade={async (value) => {
            await reload();
            setMade(value);
          }}
        />
      )}
      {made && <SecretDialog title="Your new token" lines={[['Token', made]]} onClose={() => setMade(null)} />}
      {revoking && (
        <FormDialog
          title="Revoke token?"
          submitLabel="Revoke"
          danger
          onClose={() => setRevoking(null)}
          onSubmit={async () => {
            await revokeToken(revoking.token_id);
            await reload();
            toast('Token revoked');
          }}
        >
          <p>Whatever uses “{revoking.comment || revoking.token_id}” stops working at once.</p>
        </FormDialog>
      )}
    </SectionCard>
  );
}

function CreateTokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (value: string) => Promise<void> }) {
  const [comment, setComment] = useState('');
  const [days, setDays] = useState(90);
  return (
    <FormDialog
      title="Create token"
      submitLabel="Create"
      disabled={!comment.trim()}
      onClose={onClose}
      onSubmit={async () => {
        const answer = await createToken(comment.trim(), days > 0 ? days * DAY_S : undefined);
        await onMade(answer.token_value);
      }}
    >
      <TextField
        label="What is it for?"
        placeholder="dbt on my laptop"
        maxLength={200}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
      <SelectField label="Lifetime" value={days} onChange={(event) => setDays(Number(event.target.value))}>
        {LIFETIMES.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
