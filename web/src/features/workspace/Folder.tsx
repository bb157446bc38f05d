/** A folder: what is in it, new folders and notebooks, uploads by drop or choice. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type DragEvent } from 'react';
import { listObjects, makeDirectory, writeObject } from '../../api/objects';
import type { WorkspaceObject } from '../../api/types';
import { useSession } from '../../app/session';
import { formatBytes, formatTime, plural } from '../../lib/format';
import { Link, navigate } from '../../lib/router';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { EmptyState, ErrorState, SkeletonRows } from '../../ui/States';
import { TableWrap } from '../../ui/TableWrap';
import { toast, toastError } from '../../ui/Toasts';
import { ObjectMenu } from './ObjectMenu';
import { addressOf, iconOf, inside, isFixed, kindOf, LANGUAGES, nameOf, problemOf, sorted } from './objects';
import '../../ui/files.css';

const TOO_LARGE = 10 << 20;

export function Folder({ path }: { path: string }) {
  const client = useQueryClient();
  const query = useQuery({ queryKey: ['objects', path, 'list'], queryFn: ({ signal }) => listObjects(path, signal) });
  const reload = () => client.invalidateQueries({ queryKey: ['objects'] });
  const [making, setMaking] = useState<'folder' | 'notebook' | null>(null);
  const [replacing, setReplacing] = useState<File[] | null>(null);
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const open = path !== '/' && path !== '/Users';
  const objects = sorted(query.data ?? []);
  const upload = async (files: readonly File[], overwrite: boolean) => {
    try {
      for (const file of files) {
        if (file.size > TOO_LARGE) throw new Error(`${file.name} has more than ${formatBytes(TOO_LARGE)}. Put it on a volume.`);
        await writeObject({ path: inside(path, file.name), content: file, overwrite });
      }
      toast(`${plural(files.length, 'file')} uploaded`);
    } catch (error) {
      toastError(error);
    } finally {
      await reload();
    }
  };
  const choose = (list: FileList | null) => {
    const files = [...(list ?? [])];
    const present = new Set(objects.map((one) => nameOf(one.path)));
    const clashing = files.filter(({ name }) => present.has(name));
    if (clashing.length > 0) setReplacing(clashing);
    const fresh = files.filter((file) => !clashing.includes(file));
    if (fresh.length > 0) void upload(fresh, false);
  };
  const drag = (is: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(is && open);
  };
  return (
    <section
      className={over ? 'card files over' : 'card files'}
      aria-label="Objects"
      onDragOver={drag(true)}
      onDragLeave={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setOver(false)}
      onDrop={(event) => {
        drag(false)(event);
        if (open) choose(event.dataTransfer.files);
      }}
    >
      {open && (
        <div className="card-head">
          <span className="grow" />
          <Button small icon="folder" onClick={() => setMaking('folder')}>
            New folder
          </Button>
          <Button small icon="plus" onClick={() => setMaking('notebook')}>
            New notebook
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
              choose(event.target.files);
              event.target.value = '';
            }}
          />
        </div>
      )}
      {query.error ? (
        <ErrorState error={query.error} retry={() => void query.refetch()} />
      ) : !query.data ? (
        <SkeletonRows rows={4} columns={4} />
      ) : objects.length > 0 ? (
        <ObjectTable path={path} objects={objects} />
      ) : (
        <EmptyState icon="folder" title="Nothing here">
          Drop files on this page, make a notebook, or import a project with the command line: databricks workspace import-dir.
        </EmptyState>
      )}
      {making && <NewDialog what={making} directory={path} onDone={reload} onClose={() => setMaking(null)} />}
      {replacing && (
        <FormDialog
          title={replacing.length === 1 ? `Replace ${replacing[0]?.name}?` : `Replace ${replacing.length} files?`}
          submitLabel="Replace"
          danger
          onClose={() => setReplacing(null)}
          onSubmit={() => upload(replacing, true)}
        >
          <p>{replacing.map(({ name }) => name).join(', ')}: already here. The content here is lost.</p>
        </FormDialog>
      )}
    </section>
  );
}

function ObjectTable({ path, objects }: { path: string; objects: readonly WorkspaceObject[] }) {
  const me = useSession().user_name;
  const home = `/Users/${me}`;
  return (
    <TableWrap>
      <table className="plain">
        <thead>
          <tr>
            <th>Name</th>
            <th>Kind</th>
            <th className="num">Size</th>
            <th>Changed</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {path === '/' && (
            <tr>
              <td>
                <Link className="object-name" to={addressOf(home)}>
                  <Icon name="user" />
                  Home
                </Link>
              </td>
              <td colSpan={4} className="muted">
                Your own folder, {home}
              </td>
            </tr>
          )}
          {objects.map((object) => (
            <tr key={object.path}>
              <td>
                <Link className="object-name" to={addressOf(object.path)}>
                  <Icon name={iconOf(object)} />
                  {nameOf(object.path)}
                </Link>
              </td>
              <td>{kindOf(object)}</td>
              <td className="num nowrap">{object.size === undefined ? '–' : formatBytes(object.size)}</td>
              <td className="nowrap">{formatTime(object.modified_at)}</td>
              <td className="actions">{!isFixed(object.path) && <ObjectMenu object={object} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </TableWrap>
  );
}

interface NewProps {
  what: 'folder' | 'notebook';
  directory: string;
  onDone: () => Promise<unknown>;
  onClose: () => void;
}

function NewDialog({ what, directory, onDone, onClose }: NewProps) {
  const [name, setName] = useState('');
  const [language, setLanguage] = useState('PYTHON');
  const path = inside(directory, name.trim());
  const problem = problemOf(name.trim());
  return (
    <FormDialog
      title={`New ${what}`}
      submitLabel="Create"
      disabled={!name.trim() || problem !== undefined}
      onClose={onClose}
      onSubmit={async () => {
        if (what === 'folder') await makeDirectory(path);
        else await writeObject({ path, content: '', language });
        await onDone();
        if (what === 'notebook') navigate(addressOf(path));
      }}
    >
      <TextField label="Name" value={name} problem={problem} onChange={(event) => setName(event.target.value)} />
      {what === 'notebook' && (
        <SelectField label="Language" value={language} onChange={(event) => setLanguage(event.target.value)}>
          {LANGUAGES.map(([key, label]) => (
            <option key={key} value={key}>
              {label}
            </option>
          ))}
        </SelectField>
      )}
    </FormDialog>
  );
}
