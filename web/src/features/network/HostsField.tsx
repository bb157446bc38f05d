/** Lines of names or addresses, with what is wrong with them. */
import { useId } from 'react';

interface HostsFieldProps {
  label: string;
  hint: string;
  value: string;
  problem: string | undefined;
  rows: number;
  onChange: (value: string) => void;
}

export function HostsField({ label, hint, value, problem, rows, onChange }: HostsFieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="textarea mono"
        rows={rows}
        spellCheck={false}
        value={value}
        aria-invalid={problem ? true : undefined}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-hint`} className={problem ? 'problem' : 'hint'}>
        {problem ?? hint}
      </span>
    </div>
  );
}
