/** The editor's tabs. Double-click or F2 renames; Delete closes. */
import { useRef, useState, type KeyboardEvent } from 'react';
import { IconButton } from '../../ui/Button';
import { FormDialog } from '../../ui/Dialog';
import { TextField } from '../../ui/Fields';
import { forgetRuns, isRunning, useAllRuns } from './runs';
import { closeSession } from './sessions';
import { changeTab, closeTab, findTab, openTab, selectTab, useTabs, type SqlTab } from './tabs';

export function TabBar() {
  const { tabs, active } = useTabs();
  const runs = useAllRuns();
  const list = useRef<HTMLDivElement>(null);
  const [renaming, setRenaming] = useState<SqlTab | null>(null);
  const [closing, setClosing] = useState<SqlTab | null>(null);
  const close = (tab: SqlTab) => {
    if (tab.sql.trim() && closing?.id !== tab.id) return setClosing(tab);
    drop(tab.id);
  };
  const drop = (id: string) => {
    forgetRuns(id);
    closeSession(findTab(id)?.session);
    void import('./Editor').then(({ forgetEditor }) => forgetEditor(id));
    closeTab(id);
  };
  const onKeyDown = (event: KeyboardEvent, tab: SqlTab) => {
    const at = tabs.indexOf(tab);
    const moves: Record<string, number> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      selectTab(tabs[next]?.id ?? '');
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[next]?.focus();
    } else if (event.key === 'F2') setRenaming(tab);
    else if (event.key === 'Delete') close(tab);
    else return;
    event.preventDefault();
  };
  return (
    <div className="sql-tabs">
      <div className="sql-tab-list" role="tablist" aria-label="Queries" ref={list}>
        {tabs.map((tab) => (
          <div key={tab.id} className={tab.id === active ? 'sql-tab active' : 'sql-tab'} role="presentation">
            <button
              type="button"
              role="tab"
              id={`sql-tab-${tab.id}`}
              aria-selected={tab.id === active}
              aria-controls="sql-panel"
              tabIndex={tab.id === active ? 0 : -1}
              title={`${tab.title} (double-click or F2 renames, Delete closes)`}
              onClick={() => selectTab(tab.id)}
              onDoubleClick={() => setRenaming(tab)}
              onKeyDown={(event) => onKeyDown(event, tab)}
            >
              {isRunning(runs.get(tab.id)) && <span className="spinner" aria-label="running" />}
              <span className="truncate">{tab.title}</span>
            </button>
            {/* For the mouse only: a list of tabs may hold nothing else, and Delete closes too. */}
            <IconButton icon="close" label={`Close ${tab.title}`} className="sql-tab-close" aria-hidden="true" tabIndex={-1} onClick={() => close(tab)} />
          </div>
        ))}
      </div>
      <IconButton icon="plus" label="New query" onClick={() => openTab()} />
      {renaming && <RenameDialog tab={renaming} onClose={() => setRenaming(null)} />}
      {closing && (
        <FormDialog
          title={`Close ${closing.title}?`}
          submitLabel="Close query"
          danger
          onClose={() => setClosing(null)}
          onSubmit={async () => drop(closing.id)}
        >
          <p>Its text is kept in this browser only. Closing it discards the text.</p>
        </FormDialog>
      )}
    </div>
  );
}

function RenameDialog({ tab, onClose }: { tab: SqlTab; onClose: () => void }) {
  const [title, setTitle] = useState(tab.title);
  return (
    <FormDialog
      title="Rename query"
      submitLabel="Rename"
      disabled={!title.trim()}
      onClose={onClose}
      onSubmit={async () => changeTab(tab.id, { title: title.trim() })}
    >
      <TextField label="Name" value={title} maxLength={80} onChange={(event) => setTitle(event.target.value)} />
    </FormDialog>
  );
}
