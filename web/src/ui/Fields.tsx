/** Form fields with their labels, hints and problems tied together. */
import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes } from 'react';
import { Icon } from './Icon';

interface Wrap {
  label: string;
  hint?: ReactNode;
  problem?: string | undefined;
}

function describedBy(id: string, hint: ReactNode, problem: string | undefined): string | undefined {
  const ids = [hint ? `${id}-hint` : '', problem ? `${id}-problem` : ''].filter(Boolean);
  return ids.length > 0 ? ids.join(' ') : undefined;
}

function Notes({ id, hint, problem }: { id: string; hint: ReactNode; problem: string | undefined }) {
  return (
    <>
      {hint && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {problem && (
        <span className="problem" id={`${id}-problem`}>
          {problem}
        </span>
      )}
    </>
  );
}

export function TextField({ label, hint, problem, ...rest }: Wrap & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className="input"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={problem ? true : undefined}
        aria-describedby={describedBy(id, hint, problem)}
        {...rest}
      />
      <Notes id={id} hint={hint} problem={problem} />
    </div>
  );
}

export function SelectField({ label, hint, problem, children, ...rest }: Wrap & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="select" aria-describedby={describedBy(id, hint, problem)} {...rest}>
        {children}
      </select>
      <Notes id={id} hint={hint} problem={problem} />
    </div>
  );
}

export function TextArea({
  label,
  hint,
  value,
  onChange,
  rows = 3,
}: Wrap & { value: string; onChange: (value: string) => void; rows?: number }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="textarea"
        rows={rows}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={describedBy(id, hint, undefined)}
      />
      <Notes id={id} hint={hint} problem={undefined} />
    </div>
  );
}

export function Checkbox({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="check">
      <input type="checkbox" {...rest} />
      <span>{label}</span>
    </label>
  );
}

export function SearchField({ label, small, ...rest }: { label: string; small?: boolean } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="search">
      <span className="visually-hidden">{label}</span>
      <Icon name="search" />
      <input
        type="search"
        className={small ? 'input small' : 'input'}
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        {...rest}
      />
    </label>
  );
}
