/** The libraries of a cluster: what is installed, what failed and why; more of them, and fewer. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ListedCluster } from '../../api/clusters';
import { installLibrary, listLibraries, uninstallLibrary } from '../../api/libraries';
import type { LibraryFullStatus } from '../../api/types';
import { Button, IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { isMoving, KINDS, libraryOf, libraryText, problemOf, statusText, statusTone, type LibraryKind } from './libraries';

const MOVING_MS = 1000;
const SETTLED_MS = 5000;

const keyOf = (id: string) => ['cluster-libraries', id];

export function LibrariesTab({ cluster }: { cluster: ListedCluster }) {
  const id = cluster.cluster_id;
  const [adding, setAdding] = useState(false);
  const query = useQuery({
    queryKey: keyOf(id),
    queryFn: ({ signal }) => listLibraries(id, signal),
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => isMoving(status)) ? MOVING_MS : SETTLED_MS),
  });
  return (
    <section className="card" aria-label="Libraries">
      <div className="card-head">
        <h2>Libraries</h2>
        <Button icon="plus" onClick={() => setAdding(true)}>
          Install
        </Button>
      </div>
      {query.data ? (
        query.data.length > 0 ? (
          <Libraries id={id} all={query.data} />
        ) : (
          <EmptyState icon="folder" title="No libraries">
            Packages that are installed here are there for everybody who uses the cluster, and again after a restart.
          </EmptyState>
        )
      ) : query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : (
        <SkeletonRows rows={4} columns={3} />
      )}
      {adding && <InstallDialog id={id} runs={cluster.state === 'RUNNING'} onClose={() => setAdding(false)} />}
    </section>
  );
}

function Libraries({ id, all }: { id: string; all: LibraryFullStatus[] }) {
  const client = useQueryClient();
  const uninstall = async ({ library }: LibraryFullStatus) => {
    try {
      await uninstallLibrary(id, library);
      await client.invalidateQueries({ queryKey: keyOf(id) });
    } catch (problem) {
      toastError(problem);
    }
  };
  return (
    <TableWrap>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Library</th>
            <th scope="col">Status</th>
            <th scope="col">
              <span className="visually-hidden">Uninstall</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => {
            const { name, source } = libraryText(one.library);
            const tone = statusTone(one.status);
            return (
              <tr key={JSON.stringify(one.library)}>
                <td>
                  <strong>{name}</strong>
                  <div className="muted small">{source}</div>
                </td>
                <td>
                  <span className={`badge ${tone}`}>
                    <span className={`dot ${tone}`} aria-hidden="true" />
                    {statusText(one.status)}
                  </span>
                  {one.messages?.map((message) => (
                    <div key={message} className="library-message small">
                      {message}
                    </div>
                  ))}
                </td>
                <td className="row-actions">
                  <IconButton icon="trash" label={`Uninstall ${name}`} disabled={one.status === 'UNINSTALL_ON_RESTART'} onClick={() => void uninstall(one)} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableWrap>
  );
}

function InstallDialog({ id, runs, onClose }: { id: string; runs: boolean; onClose: () => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState<LibraryKind>('pypi');
  const [value, setValue] = useState('');
  const [repo, setRepo] = useState('');
  const about = KINDS.find(({ key }) => key === kind);
  const problem = problemOf(kind, value);
  const submit = async () => {
    const library = libraryOf(kind, value, repo);
    await installLibrary(id, library);
    await client.invalidateQueries({ queryKey: keyOf(id) });
    toast(`${libraryText(library).name} ${runs ? 'is being installed' : 'is installed when the cluster starts'}`);
  };
  return (
    <FormDialog title="Install library" submitLabel="Install" onClose={onClose} onSubmit={submit} disabled={value.trim() === '' || problem !== undefined}>
      <SelectField label="Source" value={kind} onChange={(event) => setKind(event.target.value as LibraryKind)}>
        {KINDS.map(({ key, label }) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextField label={about?.field ?? ''} hint={about?.hint} problem={problem} value={value} onChange={(event) => setValue(event.target.value)} data-autofocus="" />
      {kind === 'pypi' && <TextField label="Index (optional)" hint="Another one than the usual: https://index.example.com/simple" value={repo} onChange={(event) => setRepo(event.target.value)} />}
    </FormDialog>
  );
}
