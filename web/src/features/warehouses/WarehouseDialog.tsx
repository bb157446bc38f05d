/** Create a warehouse, or edit one. */
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { warehousesQuery } from '../../app/data';
import { createWarehouse, editWarehouse } from '../../api/warehouses';
import type { Tag, Warehouse } from '../../api/types';
import { FormDialog } from '../../ui/Dialog';
import { SelectField, TextField } from '../../ui/Fields';
import { toast } from '../../ui/Toasts';
import { cleanTags, TagFields, tagProblem } from './TagFields';

const SIZES = ['2X-Small', 'X-Small', 'Small', 'Medium', 'Large', 'X-Large', '2X-Large', '3X-Large', '4X-Large', '5X-Large'];
const CLUSTERS_MAX = 40;
const MINUTES_MAX = 10_080;

/** Digits typed into a number field, or NaN. */
const whole = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN);

export function WarehouseDialog({ warehouse, onClose }: { warehouse: Warehouse | null; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(warehouse?.name ?? '');
  const [size, setSize] = useState(warehouse?.cluster_size ?? '2X-Small');
  const [minimum, setMinimum] = useState(String(warehouse?.min_num_clusters ?? 1));
  const [maximum, setMaximum] = useState(String(warehouse?.max_num_clusters ?? 1));
  const [minutes, setMinutes] = useState(String(warehouse?.auto_stop_mins ?? 10));
  const [tags, setTags] = useState<Tag[]>(warehouse?.tags.custom_tags ?? []);
  const min = whole(minimum);
  const max = whole(maximum);
  const stop = whole(minutes);
  const problems = {
    clusters: min >= 1 && max >= min && max <= CLUSTERS_MAX ? undefined : `From 1 to ${CLUSTERS_MAX}, the first not above the second.`,
    minutes: stop >= 0 && stop <= MINUTES_MAX ? undefined : `A number of minutes from 0 to ${MINUTES_MAX}.`,
  };
  const submit = async () => {
    const spec = { name: name.trim(), cluster_size: size, min_num_clusters: min, max_num_clusters: max, auto_stop_mins: stop, tags: { custom_tags: cleanTags(tags) } };
    if (warehouse) await editWarehouse(warehouse.id, spec);
    else await createWarehouse(spec);
    await client.invalidateQueries({ queryKey: warehousesQuery.queryKey });
    toast(warehouse ? `${spec.name} saved` : `${spec.name} created`);
  };
  return (
    <FormDialog
      title={warehouse ? `Edit ${warehouse.name}` : 'Create warehouse'}
      submitLabel={warehouse ? 'Save' : 'Create'}
      disabled={!name.trim() || Boolean(problems.clusters) || Boolean(problems.minutes) || tagProblem(tags) !== undefined}
      onClose={onClose}
      onSubmit={submit}
    >
      <TextField label="Name" required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      <SelectField label="Size" hint="A larger size gives one statement more memory and threads." value={size} onChange={(event) => setSize(event.target.value)}>
        {SIZES.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </SelectField>
      <div className="field-pair">
        <TextField label="Clusters, at least" inputMode="numeric" value={minimum} onChange={(event) => setMinimum(event.target.value)} />
        <TextField
          label="Clusters, at most"
          inputMode="numeric"
          value={maximum}
          problem={problems.clusters}
          onChange={(event) => setMaximum(event.target.value)}
        />
      </div>
      <TextField
        label="Stop after minutes without use"
        hint="0 means never."
        inputMode="numeric"
        value={minutes}
        problem={problems.minutes}
        onChange={(event) => setMinutes(event.target.value)}
      />
      <TagFields tags={tags} onChange={setTags} />
    </FormDialog>
  );
}
