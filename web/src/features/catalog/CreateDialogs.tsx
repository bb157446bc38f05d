/** Create a catalog, a schema or a volume. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createCatalog, createSchema, createVolume } from '../../api/catalog';
import { navigate } from '../../lib/router';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextArea, TextField } from '../../ui/Fields';
import { targetPath, type Target } from './target';

const NAME_MAX = 255;

/** The names the server takes: no space, dot, slash or control character. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return undefined;
  if (name.length > NAME_MAX) return `At most ${NAME_MAX} characters.`;
  // eslint-disable-next-line no-control-regex
  return /[\s./\u0000-\u001f\u007f]/.test(name) ? 'Without spaces, dots and slashes.' : undefined;
}

interface CreateProps {
  title: string;
  onClose: () => void;
  create: (name: string, comment: string) => Promise<Target>;
  children?: React.ReactNode;
  ready?: boolean;
  /** Instead of opening the page of what was made. */
  onCreated?: ((target: Target) => void) | undefined;
}

function CreateDialog({ title, onClose, create, children, ready = true, onCreated }: CreateProps) {
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [comment, setComment] = useState('');
  const problem = nameProblem(name);
  const submit = async () => {
    const target = await create(name, comment.trim());
    await client.invalidateQueries({ queryKey: ['uc'] });
    if (onCreated) onCreated(target);
    else navigate(targetPath(target));
  };
  return (
    <FormDialog title={title} submitLabel="Create" disabled={!name || Boolean(problem) || !ready} onClose={onClose} onSubmit={submit}>
      <TextField
        label="Name"
        hint="Stored in lower case."
        problem={problem}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {children}
      <TextArea label="Comment" value={comment} onChange={setComment} />
    </FormDialog>
  );
}

const withComment = (comment: string) => (comment ? { comment } : {});

export function CreateCatalogDialog({ onClose }: { onClose: () => void }) {
  return (
    <CreateDialog
      title="Create catalog"
      onClose={onClose}
      create={async (name, comment) => {
        const made = await createCatalog({ name, ...withComment(comment) });
        return { kind: 'catalog', path: [made.name] };
      }}
    />
  );
}

export function CreateSchemaDialog({ catalog, onClose }: { catalog: string; onClose: () => void }) {
  return (
    <CreateDialog
      title={`Create schema in ${catalog}`}
      onClose={onClose}
      create={async (name, comment) => {
        const made = await createSchema({ name, catalog_name: catalog, ...withComment(comment) });
        return { kind: 'schema', path: [catalog, made.name] };
      }}
    />
  );
}

interface VolumeProps {
  catalog: string;
  schema: string;
  onClose: () => void;
  onCreated?: (target: Target) => void;
}

export function CreateVolumeDialog({ catalog, schema, onClose, onCreated }: VolumeProps) {
  const [type, setType] = useState<'MANAGED' | 'EXTERNAL'>('MANAGED');
  const [location, setLocation] = useState('');
  return (
    <CreateDialog
      title={`Create volume in ${catalog}.${schema}`}
      onClose={onClose}
      onCreated={onCreated}
      ready={type === 'MANAGED' || location.trim() !== ''}
      create={async (name, comment) => {
        const made = await createVolume({
          name,
          catalog_name: catalog,
          schema_name: schema,
          volume_type: type,
          ...(type === 'EXTERNAL' ? { storage_location: location.trim() } : {}),
          ...withComment(comment),
        });
        return { kind: 'volume', path: [catalog, schema, made.name] };
      }}
    >
      <SelectField label="Type" value={type} onChange={(event) => setType(event.target.value as 'MANAGED' | 'EXTERNAL')}>
        <option value="MANAGED">Managed: the catalog chooses where files are</option>
        <option value="EXTERNAL">External: files are at a location you name</option>
      </SelectField>
      {type === 'EXTERNAL' && (
        <TextField
          label="Location"
          placeholder="s3://bucket/path"
          value={location}
          onChange={(event) => setLocation(event.target.value)}
        />
      )}
    </CreateDialog>
  );
}
