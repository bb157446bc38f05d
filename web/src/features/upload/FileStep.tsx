/** Choose a volume and put a file into it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type DragEvent } from 'react';
import { ApiError } from '../../api/http';
import { uploadFile } from '../../api/upload';
import { catalogsQuery, schemasQuery, volumesQuery } from '../../app/data';
import { formatBytes } from '../../lib/format';
import { Button } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { SelectField } from '../../ui/Fields';
import { Icon } from '../../ui/Icon';
import { ErrorNotice } from '../../ui/States';
import { CreateVolumeDialog } from '../catalog/CreateDialogs';
import { formatOf } from './load-sql';

export interface UploadedFile {
  path: string;
  name: string;
}

interface Place {
  catalog: string;
  schema: string;
}

interface StepProps {
  file: UploadedFile | null;
  place: Place;
  onFile: (file: UploadedFile | null) => void;
}

/** Catalogs nobody can upload to by their nature. */
const READ_ONLY = new Set(['system', 'samples']);

export function FileStep({ file, place, onFile }: StepProps) {
  if (file) {
    return (
      <div className="card-body row">
        <Icon name="file" />
        <span className="mono grow path">{file.path}</span>
        <Button small onClick={() => onFile(null)}>
          Choose another
        </Button>
      </div>
    );
  }
  return <Chooser place={place} onFile={onFile} />;
}

function Chooser({ place, onFile }: { place: Place; onFile: (file: UploadedFile) => void }) {
  const client = useQueryClient();
  const catalogs = useQuery(catalogsQuery);
  const usable = catalogs.data?.filter(({ name }) => !READ_ONLY.has(name));
  const [chosen, setChosen] = useState({ ...place, volume: '' });
  const catalog = chosen.catalog || usable?.[0]?.name || '';
  const schemas = useQuery({ ...schemasQuery(catalog), enabled: catalog !== '' });
  const open = schemas.data?.filter(({ name }) => name !== 'information_schema');
  const schema = chosen.schema || open?.find(({ name }) => name === 'default')?.name || open?.[0]?.name || '';
  const volumes = useQuery({ ...volumesQuery(catalog, schema), enabled: catalog !== '' && schema !== '' });
  const volume = chosen.volume || volumes.data?.[0]?.name || '';
  const [creating, setCreating] = useState(false);
  const [sending, setSending] = useState<{ name: string; size: number; sent: number } | null>(null);
  const [clash, setClash] = useState<File | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const controller = useRef<AbortController | null>(null);
  const ready = volume !== '' && !sending;

  const upload = async (chosenFile: File, overwrite: boolean) => {
    const path = `/Volumes/${catalog}/${schema}/${volume}/${chosenFile.name}`;
    const abort = new AbortController();
    controller.current = abort;
    setError(null);
    setSending({ name: chosenFile.name, size: chosenFile.size, sent: 0 });
    try {
      await uploadFile(path, chosenFile, {
        overwrite,
        signal: abort.signal,
        onProgress: (sent) => setSending((old) => old && { ...old, sent }),
      });
      await client.invalidateQueries({ queryKey: ['files'] });
      onFile({ path, name: chosenFile.name });
    } catch (problem) {
      if (problem instanceof ApiError && problem.status === 409 && !overwrite) setClash(chosenFile);
      else if (!abort.signal.aborted) setError(problem);
    } finally {
      setSending(null);
    }
  };
  const take = (files: FileList | null) => {
    const first = files?.[0];
    if (!first || !ready) return;
    if (!formatOf(first.name)) {
      setError(new Error(`${first.name} is no CSV, JSON or Parquet file. Choose one whose name ends in .csv, .tsv, .json, .jsonl or .parquet.`));
      return;
    }
    void upload(first, false);
  };
  return (
    <div className="card-body stack">
      <div className="place">
        <NameSelect label="Catalog" value={catalog} names={usable} onChange={(name) => setChosen({ catalog: name, schema: '', volume: '' })} />
        <NameSelect label="Schema" value={schema} names={open} onChange={(name) => setChosen({ catalog, schema: name, volume: '' })} />
        <NameSelect label="Volume" value={volume} names={volumes.data} onChange={(name) => setChosen({ catalog, schema, volume: name })} />
        <Button icon="plus" disabled={!schema} onClick={() => setCreating(true)}>
          Create volume
        </Button>
      </div>
      <div
        className={`drop ${over ? 'over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event: DragEvent) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files);
        }}
      >
        {sending ? (
          <div className="sending">
            <span className="truncate">
              {sending.name}: {formatBytes(sending.sent)} of {formatBytes(sending.size)}
            </span>
            <div
              className="progress"
              role="progressbar"
              aria-label={`Upload of ${sending.name}`}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round((sending.sent / Math.max(1, sending.size)) * 100)}
            >
              <span style={{ width: `${(sending.sent / Math.max(1, sending.size)) * 100}%` }} />
            </div>
            <Button small onClick={() => controller.current?.abort()}>
              Cancel
            </Button>
          </div>
        ) : (
          <>
            <Icon name="upload" />
            <p>{volume ? 'Drop a file here, or choose one.' : 'Choose a volume first, or create one.'}</p>
            <Button variant="primary" disabled={!ready} onClick={() => input.current?.click()}>
              Choose a file
            </Button>
          </>
        )}
        <input
          ref={input}
          type="file"
          className="visually-hidden"
          accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,.gz"
          aria-label="File to upload"
          tabIndex={-1}
          disabled={!ready}
          onChange={(event) => {
            take(event.target.files);
            event.target.value = '';
          }}
        />
      </div>
      {error !== null && <ErrorNotice error={error} />}
      {catalogs.error !== null && <ErrorNotice error={catalogs.error} />}
      {creating && (
        <CreateVolumeDialog
          catalog={catalog}
          schema={schema}
          onClose={() => setCreating(false)}
          onCreated={({ path }) => setChosen({ catalog, schema, volume: path[2] ?? '' })}
        />
      )}
      {clash && (
        <FormDialog
          title={`Replace ${clash.name}?`}
          submitLabel="Replace"
          danger
          onClose={() => setClash(null)}
          onSubmit={async () => void upload(clash, true)}
        >
          <p>The volume already has a file of this name. Its content is lost.</p>
        </FormDialog>
      )}
    </div>
  );
}

interface NameSelectProps {
  label: string;
  value: string;
  names: readonly { name: string }[] | undefined;
  onChange: (name: string) => void;
}

export function NameSelect({ label, value, names, onChange }: NameSelectProps) {
  const empty = names?.length === 0;
  return (
    <SelectField label={label} value={value} disabled={!names || empty} onChange={(event) => onChange(event.target.value)}>
      {empty && <option value="">None yet</option>}
      {!names?.some(({ name }) => name === value) && value !== '' && <option value={value}>{value}</option>}
      {names?.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}
