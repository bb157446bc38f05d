/** Who may do what: grants on this object, and what is inherited from above. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeGrants, getEffectiveGrants, getGrants } from '../../api/catalog';
import type { EffectiveAssignment, PrivilegeAssignment } from '../../api/types';
import { privilegeLabel } from '../../lib/format';
import { Link } from '../../lib/router';
import { Button, IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast } from '../../ui/Toasts';
import { GrantDialog } from './GrantDialog';
import { fullName, targetPath, TYPES, type Target } from './target';

interface Grant {
  principal: string;
  privilege: string;
}

export function PermissionsTab({ target }: { target: Target }) {
  const type = TYPES[target.kind];
  const name = fullName(target);
  const client = useQueryClient();
  const [granting, setGranting] = useState(false);
  const [revoking, setRevoking] = useState<Grant | null>(null);
  const grants = useQuery({ queryKey: ['uc', 'grants', type, name], queryFn: ({ signal }) => getGrants(type, name, signal) });
  const inherited = useQuery({
    queryKey: ['uc', 'effective', type, name],
    queryFn: ({ signal }) => getEffectiveGrants(type, name, signal),
    retry: false,
  });
  const reload = () => client.invalidateQueries({ queryKey: ['uc'] });
  const fromAbove = inheritedOnly(inherited.data);
  return (
    <div className="stack">
      <section className="card" aria-label="Grants">
        <div className="card-head">
          <h2 className="grow">Grants</h2>
          <Button small variant="primary" icon="plus" onClick={() => setGranting(true)}>
            Grant
          </Button>
        </div>
        {grants.data ? (
          grants.data.length > 0 ? (
            <GrantTable assignments={grants.data} onRevoke={setRevoking} />
          ) : (
            <EmptyState icon="shield" title="Nothing granted here">
              Only the owner, admins and those with inherited privileges may use it. Grant privileges to share it.
            </EmptyState>
          )
        ) : grants.error ? (
          <ErrorState error={grants.error} retry={() => void grants.refetch()} />
        ) : (
          <SkeletonRows rows={3} columns={2} />
        )}
      </section>
      {fromAbove.length > 0 && <InheritedTable assignments={fromAbove} target={target} />}
      {granting && (
        <GrantDialog
          target={target}
          onClose={() => setGranting(false)}
          onGrant={async (principal, privileges) => {
            await changeGrants(type, name, [{ principal, add: privileges }]);
            await reload();
            toast(`Granted to ${principal}`);
          }}
        />
      )}
      {revoking && (
        <FormDialog
          title="Revoke privilege?"
          submitLabel="Revoke"
          danger
          onClose={() => setRevoking(null)}
          onSubmit={async () => {
            await changeGrants(type, name, [{ principal: revoking.principal, remove: [revoking.privilege] }]);
            await reload();
          }}
        >
          <p>
            {revoking.principal} loses {privilegeLabel(revoking.privilege)} on {name}, unless it is inherited from above.
          </p>
        </FormDialog>
      )}
    </div>
  );
}

function GrantTable({ assignments, onRevoke }: { assignments: PrivilegeAssignment[]; onRevoke: (grant: Grant) => void }) {
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Principal</th>
            <th>Privileges</th>
          </tr>
        </thead>
        <tbody>
          {assignments.map(({ principal, privileges }) => (
            <tr key={principal}>
              <td className="nowrap">{principal}</td>
              <td>
                <span className="chips">
                  {privileges.map((privilege) => (
                    <span key={privilege} className="badge accent">
                      {privilegeLabel(privilege)}
                      <IconButton
                        icon="close"
                        className="chip-close"
                        label={`Revoke ${privilegeLabel(privilege)} from ${principal}`}
                        onClick={() => onRevoke({ principal, privilege })}
                      />
                    </span>
                  ))}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

function inheritedOnly(assignments: readonly EffectiveAssignment[] | undefined): EffectiveAssignment[] {
  return (assignments ?? [])
    .map(({ principal, privileges }) => ({ principal, privileges: privileges.filter((one) => one.inherited_from_name) }))
    .filter(({ privileges }) => privileges.length > 0);
}

function InheritedTable({ assignments, target }: { assignments: EffectiveAssignment[]; target: Target }) {
  const rows = assignments.flatMap(({ principal, privileges }) => privileges.map((one) => ({ principal, ...one })));
  const link = (name: string) => {
    const depth = name.split('.').length;
    const path = target.path.slice(0, depth);
    return path.join('.') === name ? targetPath({ kind: depth === 1 ? 'catalog' : 'schema', path }) : null;
  };
  return (
    <section className="card" aria-label="Inherited">
      <div className="card-head">
        <h2>Inherited</h2>
      </div>
      <TableWrap>
        <table className="plain">
          <thead>
            <tr>
              <th>Principal</th>
              <th>Privilege</th>
              <th>Granted on</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const to = link(row.inherited_from_name ?? '');
              return (
                <tr key={`${row.principal} ${row.privilege} ${row.inherited_from_name}`}>
                  <td className="nowrap">{row.principal}</td>
                  <td>
                    <span className="badge">{privilegeLabel(row.privilege)}</span>
                  </td>
                  <td>{to ? <Link to={`${to}?tab=permissions`}>{row.inherited_from_name}</Link> : row.inherited_from_name}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </TableWrap>
    </section>
  );
}
