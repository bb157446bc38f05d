/** The text of a notebook or a file, read and edited. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { exportUrl, readObject, writeObject } from '../../api/objects';
import type { WorkspaceObject } from '../../api/types';
import { formatBytes } from '../../lib/format';
import { Button } from '../../ui/Button';
import { EmptyState, ErrorNotice, ErrorState, Skeleton } from '../../ui/States';
import { toast } from '../../ui/Toasts';
import { nameOf, SHOWN_BYTES_MAX, textOf } from './objects';

export function Content({ object }: { object: WorkspaceObject }) {
  const { path, size = 0 } = object;
  const large = size > SHOWN_BYTES_MAX;
  const query = useQuery({ queryKey: ['objects', path, 'content'], queryFn: ({ signal }) => readObject(path, signal), enabled: !large });
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  const text = query.data && textOf(query.data);
  if (large || text === null) {
    const download = (
      <a className="button primary" href={exportUrl(path)} download={nameOf(path)}>
        Download
      </a>
    );
    return (
      <section className="card" aria-label="Content">
        <EmptyState icon="file" title={large ? 'Too large to show' : 'Not text'} actions={download}>
          {formatBytes(size)}. Download it to see what is in it.
        </EmptyState>
      </section>
    );
  }
  if (text === undefined) return <Skeleton height={260} />;
  return <Text object={object} text={text} />;
}

function Text({ object, text }: { object: WorkspaceObject; text: string }) {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { path, language } = object;
  const save = async () => {
    if (draft === null) return;
    setBusy(true);
    setError(null);
    try {
      await writeObject({ path, content: draft, language, overwrite: true });
      await client.invalidateQueries({ queryKey: ['objects'] });
      setDraft(null);
      toast(`${nameOf(path)} saved`);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="card object-content" aria-label="Content">
      <div className="card-head">
        <span className="grow" />
        {draft === null ? (
          <Button small icon="edit" onClick={() => setDraft(text)}>
            Edit
          </Button>
        ) : (
          <>
            <Button small disabled={busy} onClick={() => setDraft(null)}>
              Cancel
            </Button>
            <Button small variant="primary" disabled={busy || draft === text} onClick={() => void save()}>
              Save
            </Button>
          </>
        )}
      </div>
      {error !== null && <ErrorNotice error={error} />}
      {draft === null ? (
        <pre tabIndex={0} aria-label={`Text of ${nameOf(path)}`}>
          {text}
        </pre>
      ) : (
        <textarea
          className="mono"
          aria-label={`Text of ${nameOf(path)}`}
          value={draft}
          spellCheck={false}
          autoFocus
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 's' && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              void save();
            }
          }}
        />
      )}
    </section>
  );
}
