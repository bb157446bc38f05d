/** Tags of a warehouse: pairs of a key and a value. */
import { useId } from 'react';
import type { Tag } from '../../api/types';
import { Button, IconButton } from '../../ui/Button';

const TAGS_MAX = 45;

/** A problem to show, if the tags cannot be saved as they are. */
export function tagProblem(tags: readonly Tag[]): string | undefined {
  const keys = tags.map(({ key }) => key.trim());
  if (keys.some((key, at) => key === '' && (tags[at]?.value ?? '') !== '')) return 'A value needs a key.';
  const named = keys.filter(Boolean);
  return new Set(named).size < named.length ? 'Every key may stand once.' : undefined;
}

export function cleanTags(tags: readonly Tag[]): Tag[] {
  return tags.filter(({ key }) => key.trim()).map(({ key, value }) => ({ key: key.trim(), value: value.trim() }));
}

export function TagFields({ tags, onChange }: { tags: readonly Tag[]; onChange: (tags: Tag[]) => void }) {
  const problem = tagProblem(tags);
  const id = useId();
  const set = (at: number, change: Partial<Tag>) => onChange(tags.map((tag, index) => (index === at ? { ...tag, ...change } : tag)));
  return (
    <fieldset className="tags" aria-describedby={problem ? id : undefined}>
      <legend className="field-label">Tags</legend>
      {tags.map((tag, at) => (
        <div key={at} className="tag-row">
          <input className="input small" aria-label={`Key ${at + 1}`} placeholder="Key" maxLength={127} value={tag.key} onChange={(event) => set(at, { key: event.target.value })} />
          <input className="input small" aria-label={`Value ${at + 1}`} placeholder="Value" maxLength={255} value={tag.value} onChange={(event) => set(at, { value: event.target.value })} />
          <IconButton icon="close" label={`Remove tag ${at + 1}`} onClick={() => onChange(tags.filter((_, index) => index !== at))} />
        </div>
      ))}
      {problem && (
        <span className="problem" id={id}>
          {problem}
        </span>
      )}
      <Button small icon="plus" disabled={tags.length >= TAGS_MAX} onClick={() => onChange([...tags, { key: '', value: '' }])}>
        Add tag
      </Button>
    </fieldset>
  );
}
