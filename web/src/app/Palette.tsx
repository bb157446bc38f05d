/** Ctrl+K: one field that leads everywhere. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { catalogsQuery, schemasQuery, tablesQuery, warehousesQuery } from './data';
import { Icon } from '../ui/Icon';
import { commandsOf, search, type Command } from './commands';
import './palette.css';

/** What is looked through when it is not loaded yet. */
const SCHEMAS_MAX = 40;

export default function Palette({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const client = useQueryClient();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [commands, setCommands] = useState(() => commandsOf(client));
  const id = useId();
  const found = search(commands, text);
  const active = Math.min(at, found.length - 1);

  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element && !element.open) element.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  useEffect(() => {
    let current = true;
    const show = () => current && setCommands(commandsOf(client));
    void loadNames(client, show);
    return () => {
      current = false;
    };
  }, [client]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const choose = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    // After the dialog has given the focus back.
    setTimeout(command.run);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    const moves: Record<string, number> = {
      ArrowDown: (active + 1) % Math.max(1, found.length),
      ArrowUp: (active - 1 + found.length) % Math.max(1, found.length),
    };
    const next = moves[event.key];
    if (next !== undefined) setAt(next);
    else if (event.key === 'Enter') choose(found[active]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      className="dialog palette"
      aria-label="Search and go"
      onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={(event) => event.target === dialog.current && onClose()}
      onKeyDown={onKeyDown}
    >
      <div className="palette-head">
        <Icon name="search" />
        <input
          className="palette-input"
          role="combobox"
          aria-label="Search and go"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={found.length > 0 ? `${id}-${active}` : undefined}
          aria-autocomplete="list"
          placeholder="Tables, pages, tabs, actions"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
        />
        <kbd>Esc</kbd>
      </div>
      <ul className="palette-list" role="listbox" aria-label="Found" id={`${id}-list`} ref={list}>
        {found.map((command, index) => (
          <li
            key={command.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseMove={() => setAt(index)}
            onClick={() => choose(command)}
          >
            <Icon name={command.icon} />
            <span className="truncate">{command.label}</span>
            <span className="palette-detail truncate">{command.detail}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && (
        <p className="palette-none" role="status">
          Nothing is called so.
        </p>
      )}
    </dialog>
  );
}

/** Catalogs, then schemas, then tables; each step is shown as it comes, and what fails is left out. */
async function loadNames(client: ReturnType<typeof useQueryClient>, show: () => void): Promise<void> {
  const orNone = <T,>(work: Promise<T[]>) => work.catch((): T[] => []);
  const [catalogs] = await Promise.all([orNone(client.ensureQueryData(catalogsQuery)), orNone(client.ensureQueryData(warehousesQuery))]);
  const own = catalogs.filter(({ name }) => name !== 'system');
  const schemas = (await Promise.all(own.map(({ name }) => orNone(client.ensureQueryData(schemasQuery(name)))))).flat();
  show();
  const wanted = schemas.filter(({ name }) => name !== 'information_schema').slice(0, SCHEMAS_MAX);
  await Promise.all(wanted.map(({ catalog_name, name }) => orNone(client.ensureQueryData(tablesQuery(catalog_name ?? '', name ?? '')))));
  show();
}
