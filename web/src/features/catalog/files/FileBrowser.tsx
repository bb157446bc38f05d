/** Files of a volume: walk, upload by drop or choice, download, delete. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type DragEvent } from 'react';
import { createDirectory, deleteDirectory, deleteFile, downloadUrl, listDirectory } from '../../../api/files';
import type { DirectoryEntry } from '../../../api/types';
import { formatBytes, formatTime } from '../../../lib/format';
import { Link, pathOf } from '../../../lib/router';
import { Button } from '../../../ui/Button';
import { CopyButton } from '../../../ui/CopyButton';
import { FormDialog } from '../../../ui/Dialog';
import { TextField } from '../../../ui/Fields';
import { Icon } from '../../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../../ui/States';
import { TableWrap } from '../../../ui/TableWrap';
import { toast } from '../../../ui/Toasts';
import { type Target } from '../target';
import { UploadList } from './UploadList';
import { useUploads } from './uploads';

export const TABLE_FILE = /\.(csv|tsv|json|jsonl|ndjson|parquet)(\.gz)?$/i;

export function FileBrowser({ target, directory }: { target: Target; directory: string }) {
  const client = useQueryClient();
  const root = `/Volumes/${target.path.join('/')}`;
  const here = directory ? `${root}/${directory}` : root;
  const key = ['files', here];
  const files = useQuery({ queryKey: key, queryFn: ({ signal }) => listDirectory(here, signal) });
  const reload = () => client.invalidateQueries({ queryKey: ['files'] });
  const { uploads, start, dismiss } = useUploads(() => void reload());
  const [over, setOver] = useState(false);
  const [making, setMaking] = useState(false);
  const [replacing, setReplacing] = useState<File[] | null>(null);
  const [deleting, setDeleting] = useState<DirectoryEntry | null>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const entries = [...(files.data ?? [])].sort(
    (a, b) => Number(b.is_directory) - Number(a.is_directory) || a.name.localeCompare(b.name),
  );
  const upload = (list: FileList | null) => {
    const chosen = [...(list ?? [])];
    const present = new Set(entries.map(({ name }) => name));
    const clashing = chosen.filter(({ name }) => present.has(name));
    if (clashing.length > 0) setReplacing(clashing);
    start(here, chosen.filter((file) => !clashing.includes(file)), false);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    upload(event.dataTransfer.files);
  };
  return (
    <section
      className={over ? 'card files over' : 'card files'}
      aria-label="Files"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOver(false)}
      onDrop={drop}
    >
      <div className="card-head">
        <Crumbs target={target} directory={directory} here={here} />
        <span className="grow" />
        <Button small icon="folder" onClick={() => setMaking(true)}>
          New folder
        </Button>
        <Button small variant="primary" icon="upload" onClick={() => chooser.current?.click()}>
          Upload files
        </Button>
        <input
          ref={chooser}
          type="file"
          multiple
          className="visually-hidden"
          aria-label="Choose files to upload"
          tabIndex={-1}
          onChange={(event) => {
            upload(event.target.files);
            event.target.value = '';
          }}
        />
      </div>
      <UploadList uploads={uploads} onDismiss={dismiss} />
      {files.data ? (
        entries.length > 0 ? (
          <FileTable target={target} directory={directory} entries={entries} onDelete={setDeleting} />
        ) : (
          <EmptyState icon="upload" title="No files here">
            Drop files on this page, or choose Upload files. Then query them with read_files.
          </EmptyState>
        )
      ) : files.error ? (
        <ErrorState error={files.error} retry={() => void files.refetch()} />
      ) : (
        <SkeletonRows rows={5} columns={4} />
      )}
      {making && <FolderDialog parent={here} onDone={reload} onClose={() => setMaking(false)} />}
      {replacing && (
        <FormDialog
          title={replacing.length === 1 ? `Replace ${replacing[0]?.name}?` : `Replace ${replacing.length} files?`}
          submitLabel="Replace"
          danger
          onClose={() => setReplacing(null)}
          onSubmit={async () => start(here, replacing, true)}
        >
          <p>{replacing.map(({ name }) => name).join(', ')}: already here. The content here is lost.</p>
        </FormDialog>
      )}
      {deleting && (
        <FormDialog
          title={`Delete ${deleting.name}?`}
          submitLabel="Delete"
          danger
          onClose={() => setDeleting(null)}
          onSubmit={async () => {
            await (deleting.is_directory ? deleteDirectory(deleting.path) : deleteFile(deleting.path));
            await reload();
            toast(`${deleting.name} deleted`);
          }}
        >
          <p>{deleting.is_directory ? 'A folder must be empty to be deleted.' : 'The file is deleted for everybody.'} This cannot be undone.</p>
        </FormDialog>
      )}
    </section>
  );
}

function Crumbs({ target, directory, here }: { target: Target; directory: string; here: string }) {
  const parts = directory ? directory.split('/') : [];
  return (
    <nav className="crumbs" aria-label="Folder">
      <Link to={pathOf('volumes', ...target.path)}>{target.path.at(-1)}</Link>
      {parts.map((part, index) => (
        <Link key={index} to={pathOf('volumes', ...target.path, ...parts.slice(0, index + 1))}>{part}</Link>
      ))}
      <CopyButton text={here} label="Copy the path" />
    </nav>
  );
}

function FolderDialog({ parent, onDone, onClose }: { parent: string; onDone: () => Promise<unknown>; onClose: () => void }) {
  const [name, setName] = useState('');
  return (
    <FormDialog
      title="New folder"
      submitLabel="Create"
      disabled={!name.trim() || name.includes('/')}
      onClose={onClose}
      onSubmit={async () => {
        await createDirectory(`${parent}/${name.trim()}`);
        await onDone();
      }}
    >
      <TextField
        label="Name"
        value={name}
        problem={name.includes('/') ? 'Without slashes.' : undefined}
        onChange={(event) => setName(event.target.value)}
      />
    </FormDialog>
  );
}

interface FileTableProps {
  target: Target;
  directory: string;
  entries: readonly DirectoryEntry[];
  onDelete: (entry: DirectoryEntry) => void;
}

function FileTable({ target, directory, entries, onDelete }: FileTableProps) {
  const inside = directory ? directory.split('/') : [];
  const [catalog = '', schema = ''] = target.path;
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th className="num">Size</th>
            <th>Changed</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.path}>
              <td>
                {entry.is_directory ? (
                  <Link className="object-name" to={pathOf('volumes', ...target.path, ...inside, entry.name)}>
                    <Icon name="folder" />
                    {entry.name}
                  </Link>
                ) : (
                  <span className="object-name">
                    <Icon name="file" />
                    {entry.name}
                  </span>
                )}
              </td>
              <td className="num nowrap">{entry.is_directory ? '–' : formatBytes(entry.file_size)}</td>
              <td className="nowrap">{formatTime(entry.last_modified)}</td>
              <td className="actions">
                {!entry.is_directory && TABLE_FILE.test(entry.name) && (
                  <Link className="button small" to={`/upload?${new URLSearchParams({ file: entry.path, catalog, schema }).toString()}`}>
                    Make a table
                  </Link>
                )}{' '}
                {!entry.is_directory && (
                  <a
                    className="button ghost icon small"
                    href={downloadUrl(entry.path)}
                    download={entry.name}
                    aria-label={`Download ${entry.name}`}
                    title="Download"
                  >
                    <Icon name="download" />
                  </a>
                )}
                <Button small variant="ghost" className="icon" icon="trash" aria-label={`Delete ${entry.name}`} title="Delete" onClick={() => onDelete(entry)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}
