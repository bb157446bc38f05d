/** The node types of the provider, by what they are good for. */
import type { NodeType } from '../../api/types';
import { SelectField } from '../../ui/Fields';
import type { Field } from './policy';
import { nodeTypeText } from './state';

interface NodeTypeProps {
  label: string;
  types: readonly NodeType[];
  value: string;
  problem?: string | undefined;
  /** The words for no choice of one's own. */
  same?: string;
  /** What the policy says of it. */
  field?: Field;
  onChange: (value: string) => void;
}

export function groupsOf(types: readonly NodeType[]): [string, NodeType[]][] {
  const groups = new Map<string, NodeType[]>();
  const sorted = [...types].filter(({ is_hidden, is_deprecated }) => !is_hidden && !is_deprecated);
  sorted.sort((a, b) => a.num_cores - b.num_cores || a.memory_mb - b.memory_mb || a.node_type_id.localeCompare(b.node_type_id));
  for (const type of sorted) {
    const group = type.category || 'Other';
    groups.set(group, [...(groups.get(group) ?? []), type]);
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b));
}

export function NodeTypeField({ label, types, value, problem, same, field, onChange }: NodeTypeProps) {
  const allowed = types.filter(({ node_type_id: id }) => id === value || !field?.allows || field.allows(id));
  const chosen = types.find(({ node_type_id }) => node_type_id === value);
  const unknown = value !== '' && !chosen;
  return (
    <SelectField
      label={label}
      disabled={field?.fixed ?? false}
      hint={field?.hint ?? (chosen && chosen.description !== chosen.node_type_id ? chosen.description : undefined)}
      problem={unknown ? 'The provider does not have it any more.' : problem}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      {same && <option value="">{same}</option>}
      {unknown && <option value={value}>{value}</option>}
      {groupsOf(allowed).map(([group, members]) => (
        <optgroup key={group} label={group}>
          {members.map((type) => (
            <option key={type.node_type_id} value={type.node_type_id}>
              {nodeTypeText(type)}
            </option>
          ))}
        </optgroup>
      ))}
    </SelectField>
  );
}
