/** Short notes at the corner. Errors stay until they are closed. */
import { createStore, useStore } from '../lib/store';
import { IconButton } from './Button';
import { describeError } from './States';

interface Toast {
  id: number;
  text: string;
  kind: 'ok' | 'danger';
}

const SHOWN_MS = 4000;
const SHOWN_MAX = 4;
const toasts = createStore<Toast[]>([]);
let nextId = 1;

function close(id: number): void {
  toasts.set((list) => list.filter((toast) => toast.id !== id));
}

export function toast(text: string, kind: Toast['kind'] = 'ok'): void {
  const id = nextId++;
  toasts.set((list) => [...list, { id, text, kind }].slice(-SHOWN_MAX));
  if (kind === 'ok') setTimeout(() => close(id), SHOWN_MS);
}

export function toastError(error: unknown): void {
  const { title, message } = describeError(error);
  toast(`${title}. ${message}`, 'danger');
}

export function Toasts() {
  const list = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map(({ id, text, kind }) => (
        <div key={id} className={`toast ${kind}`}>
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => close(id)} />
        </div>
      ))}
    </div>
  );
}
