/** A choice of a few, side by side. */
interface SegmentsProps<K extends string> {
  label: string;
  items: readonly { key: K; label: string }[];
  active: K;
  onSelect: (key: K) => void;
}

export function Segments<K extends string>({ label, items, active, onSelect }: SegmentsProps<K>) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {items.map((item) => (
        <button key={item.key} type="button" aria-pressed={item.key === active} onClick={() => onSelect(item.key)}>
          {item.label}
        </button>
      ))}
    </div>
  );
}
