/** Beside the editor: the catalog, statements that ran, statements that were kept. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { meQuery } from '../../app/data';
import { listQueries } from '../../api/history';
import { formatAgo } from '../../lib/format';
import { IconButton } from '../../ui/Button';
import { SearchField } from '../../ui/Fields';
import { EmptyState, ErrorState, Skeleton } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { CatalogTree } from '../catalog/tree/CatalogTree';
import { deleteSnippet, useSnippets } from './snippets';
import { openTab } from './tabs';

type Side = 'catalog' | 'recent' | 'snippets';
const SIDES: readonly TabItem<Side>[] = [
  { key: 'catalog', label: 'Catalog' },
  { key: 'recent', label: 'Recent' },
  { key: 'snippets', label: 'Snippets' },
];
const RECENT_MAX = 100;

interface SideTabsProps {
  /** A name from the catalog, as its parts. */
  insertName: (path: string[]) => void;
  insertSql: (sql: string) => void;
}

export function SideTabs({ insertName, insertSql }: SideTabsProps) {
  const [side, setSide] = useState<Side>('catalog');
  return (
    <>
      <Tabs items={SIDES} active={side} onSelect={setSide} label="Beside the editor" idBase="side" />
      <div className="sql-side" id="side-panel" role="tabpanel" aria-labelledby={`side-tab-${side}`}>
        {side === 'catalog' && <EditorTree insert={insertName} />}
        {side === 'recent' && <Recent insert={insertSql} />}
        {side === 'snippets' && <Snippets insert={insertSql} />}
      </div>
    </>
  );
}

function EditorTree({ insert }: { insert: (path: string[]) => void }) {
  return (
    <CatalogTree
      label="Catalog"
      storageKey="biplane.sql.open"
      columns
      onActivate={(kind, path, toggle) => {
        if (kind === 'catalog' || kind === 'schema') toggle();
        else insert(kind === 'column' ? path.slice(-1) : path);
      }}
      action={{ label: 'Insert', run: (kind, path) => insert(kind === 'column' ? path.slice(-1) : path) }}
    />
  );
}

/** One entry per text: people look for a statement, not for the times it ran. */
function Recent({ insert }: { insert: (sql: string) => void }) {
  const [search, setSearch] = useState('');
  const me = useQuery(meQuery);
  const id = Number(me.data?.id);
  const query = useQuery({
    queryKey: ['history', 'recent', id],
    queryFn: ({ signal }) => listQueries({ userIds: [id] }, undefined, RECENT_MAX, signal),
    enabled: Number.isFinite(id),
    staleTime: 0,
  });
  if (me.error ?? query.error) return <ErrorState error={me.error ?? query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Wait />;
  const seen = new Set<string>();
  const list = (query.data.res ?? []).filter(({ query_text = '' }) => {
    const fresh = query_text.trim() !== '' && !seen.has(query_text);
    seen.add(query_text);
    return fresh && query_text.toLowerCase().includes(search.trim().toLowerCase());
  });
  return (
    <>
      <div className="tree-panel-head">
        <SearchField label="Search recent statements" small value={search} onChange={(event) => setSearch(event.target.value)} />
      </div>
      {list.length === 0 ? (
        <EmptyState icon="history" title="Nothing here">
          {search ? 'No recent statement has this text.' : 'Statements you run are listed here.'}
        </EmptyState>
      ) : (
        <ul className="sql-list" aria-label="Recent statements">
          {list.map((one) => (
            <Entry
              key={one.query_id}
              title={one.query_text ?? ''}
              sql={one.query_text ?? ''}
              detail={`${formatAgo(one.query_start_time_ms)}${one.status === 'FAILED' ? ' · failed' : ''}`}
              insert={insert}
            />
          ))}
        </ul>
      )}
    </>
  );
}

function Snippets({ insert }: { insert: (sql: string) => void }) {
  const list = useSnippets();
  if (list.length === 0) {
    return (
      <EmptyState icon="star" title="No snippets yet">
        Keep a statement with “Save as snippet” in the editor’s menu. Snippets stay in this browser.
      </EmptyState>
    );
  }
  return (
    <ul className="sql-list" aria-label="Snippets">
      {list.map((one) => (
        <Entry key={one.id} title={one.name} detail={one.sql} sql={one.sql} insert={insert} remove={() => deleteSnippet(one.id)} />
      ))}
    </ul>
  );
}

interface EntryProps {
  title: string;
  detail: string;
  sql: string;
  insert: (sql: string) => void;
  remove?: () => void;
}

function Entry({ title, detail, sql, insert, remove }: EntryProps) {
  return (
    <li className="sql-entry">
      <button type="button" className="sql-entry-main" title={`Insert\n\n${sql.slice(0, 600)}`} onClick={() => insert(sql)}>
        <span className="sql-entry-title">{title}</span>
        <span className="sql-entry-detail">{detail}</span>
      </button>
      <IconButton icon="plus" label="Open in a new tab" onClick={() => openTab({ sql })} />
      {remove && <IconButton icon="trash" label={`Delete ${title}`} onClick={remove} />}
    </li>
  );
}

function Wait() {
  return (
    <div className="stack" style={{ padding: 12 }} aria-busy="true">
      {Array.from({ length: 6 }, (_, row) => (
        <Skeleton key={row} height={34} />
      ))}
    </div>
  );
}
