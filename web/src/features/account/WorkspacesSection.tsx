/** The account's workspaces, and the making of a new one. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { titleCase } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { EmptyState } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { SectionCard } from '../settings/SectionCard';
import type { AccountSectionProps } from './AccountPage';
import { accountWorkspacesQuery } from './queries';
import { HYBRID, statusTone } from './workspace';
import { WorkspaceDialog } from './WorkspaceDialog';

export function WorkspacesSection({ account }: AccountSectionProps) {
  const client = useQueryClient();
  const query = useQuery(accountWorkspacesQuery(account));
  const [creating, setCreating] = useState(false);
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      Create workspace
    </Button>
  );
  return (
    <SectionCard title="Workspaces" text="Each has its own people, compute and rules; catalogs come from its metastore." query={query} ready={query.data !== undefined} columns={5} action={create}>
      {query.data?.length === 0 ? (
        <EmptyState icon="account" title="No workspace" actions={create}>
          Create one to work in.
        </EmptyState>
      ) : (
        <TableWrap>
          <table className="plain">
            <thead>
              <tr>
                <th>Name</th>
                <th>Status</th>
                <th>Compute</th>
                <th>Region</th>
                <th className="wide-only">Id</th>
              </tr>
            </thead>
            <tbody>
              {query.data?.map((one) => (
                <tr key={one.workspace_id}>
                  <td>
                    <Link to={`/account/workspaces/${one.workspace_id}`}>{one.workspace_name}</Link>
                    <span className="resource-note">{one.deployment_name}</span>
                  </td>
                  <td>
                    <WorkspaceStatus status={one.workspace_status} />
                    {one.workspace_status !== 'RUNNING' && <span className="resource-note status-message">{one.workspace_status_message}</span>}
                  </td>
                  <td className="nowrap">{modeText(one.compute_mode)}</td>
                  <td className="nowrap">{one.aws_region}</td>
                  <td className="mono muted wide-only">{one.workspace_id}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableWrap>
      )}
      {creating && (
        <WorkspaceDialog
          account={account}
          workspace={null}
          region={query.data?.[0]?.aws_region ?? ''}
          onClose={() => setCreating(false)}
          onDone={async (made) => {
            await client.invalidateQueries({ queryKey: ['account'] });
            navigate(`/account/workspaces/${made.workspace_id}`);
          }}
        />
      )}
    </SectionCard>
  );
}

export const modeText = (mode: string): string => (mode === HYBRID ? 'Own cloud account' : titleCase(mode));

export function WorkspaceStatus({ status }: { status: string }) {
  const tone = statusTone(status);
  return (
    <span className={`badge ${tone}`}>
      <span className={`dot ${tone}`} aria-hidden="true" />
      {titleCase(status)}
    </span>
  );
}
