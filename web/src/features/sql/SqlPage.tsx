/** The SQL editor: catalog tree, tabs, editor, results. */
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react';
import { useStoredNumber } from '../../lib/storage';
import { qualified } from '../../lib/sql';
import { useElementSize } from '../../lib/useElementSize';
import { isTyping } from '../../app/useGlobalKeys';
import { SideLayout } from '../../ui/SideLayout';
import { Splitter } from '../../ui/Splitter';
import { Skeleton } from '../../ui/States';
import { toast } from '../../ui/Toasts';
import { useWarehouse } from '../warehouses/selection';
import type { EditorHandle } from './Editor';
import { runPieces } from './execute';
import { ParamBar } from './ParamBar';
import { paramNames } from './params';
import { ResultPane } from './ResultPane';
import { cancelRuns, isRunning, useRuns, type Piece } from './runs';
import { SideTabs } from './SideTabs';
import { changeTab, tabsNow, useTabs } from './tabs';
import { TabBar } from './TabBar';
import { Toolbar } from './Toolbar';
import './sql.css';

// Asked for when this chunk is read, since no page of it goes without.
const loading = import('./Editor');
loading.catch(() => undefined);
import('./editor-extras').catch(() => undefined);
const Editor = lazy(() => loading.catch(() => import('./Editor')));
const TREE_MIN = 180;
const TREE_MAX = 520;
const EDITOR_MIN = 90;
const RESULT_MIN = 120;

export default function SqlPage() {
  const { tabs, active } = useTabs();
  const tab = tabs.find(({ id }) => id === active) ?? tabs[0];
  const runs = useRuns(tab?.id ?? '');
  const { warehouse, list } = useWarehouse();
  const editor = useRef<EditorHandle>(null);
  const [editorHeight, setEditorHeight] = useStoredNumber('biplane.sql.editor', 260);
  const [rowLimit, setRowLimit] = useStoredNumber('biplane.sql.limit', 10_000);
  const [panesRef, , panesHeight] = useElementSize();
  const running = isRunning(runs);
  const sql = tab?.sql ?? '';
  const params = useMemo(() => paramNames(sql), [sql]);
  const editorMax = Math.max(EDITOR_MIN, panesHeight - RESULT_MIN);
  const height = panesHeight === 0 ? editorHeight : Math.min(editorHeight, editorMax);

  const start = (pieces: Piece[]) => {
    const now = tabsNow().tabs.find(({ id }) => id === tab?.id);
    if (!now || running) return;
    if (pieces.length === 0) return toast('Write a statement first, then run it.', 'danger');
    if (!warehouse) {
      return toast(list ? 'Create a SQL warehouse first, then run it.' : 'Warehouses are still loading. Try again.', 'danger');
    }
    editor.current?.mark(null, '');
    void runPieces(now, warehouse.id, pieces, rowLimit);
  };
  const run = () => start(editor.current?.current() ?? []);
  const runAll = () => start(editor.current?.all() ?? []);
  const cancel = () => {
    if (!tab || !running) return false;
    cancelRuns(tab.id);
    return true;
  };

  const failed = runs?.runs.find(({ error }) => error?.offset !== undefined);
  useEffect(() => {
    if (failed?.error?.offset === undefined) return;
    editor.current?.mark(failed.piece.from + failed.error.offset, failed.error.message);
  }, [failed]);

  const keys = useRef({ cancel, run });
  useEffect(() => {
    keys.current = { cancel, run };
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
      if (event.key === 'Escape' && !isTyping(event.target)) keys.current.cancel();
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        keys.current.run();
      }
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);

  if (!tab) return null;
  return (
    <SideLayout
      label="Catalog and statements"
      storageKey="biplane.sql.tree"
      initial={260}
      min={TREE_MIN}
      max={TREE_MAX}
      side={(fold) => (
        <SideTabs
          insertName={(path) => (editor.current?.insert(qualified(...path)), fold())}
          insertSql={(text) => (editor.current?.insert(text), fold())}
        />
      )}
    >
      <section className="sql-work" aria-label="Editor">
        <h1 className="visually-hidden">SQL editor</h1>
        <TabBar />
        <Toolbar tab={tab} running={running} rowLimit={rowLimit} onRowLimit={setRowLimit} onRun={run} onRunAll={runAll} onCancel={cancel} editor={editor} />
        {params.length > 0 && <ParamBar tab={tab} names={params} />}
        <div className="sql-panes" ref={panesRef}>
          <div style={{ height, flex: 'none' }} id="sql-panel" role="tabpanel" aria-labelledby={`sql-tab-${tab.id}`}>
            <Suspense fallback={<EditorWait />}>
              <Editor
                key={tab.id}
                ref={editor}
                tabId={tab.id}
                initial={tab.sql}
                run={run}
                runAll={runAll}
                cancel={cancel}
                changed={(sql) => changeTab(tab.id, { sql })}
                context={() => ({ catalog: tab.catalog, schema: tab.schema })}
              />
            </Suspense>
          </div>
          <Splitter
            orientation="horizontal"
            label="Height of the editor"
            value={height}
            min={EDITOR_MIN}
            max={editorMax}
            onChange={setEditorHeight}
          />
          <ResultPane tabId={tab.id} runs={runs} />
        </div>
      </section>
    </SideLayout>
  );
}

function EditorWait() {
  return (
    <div className="stack" style={{ padding: '12px 40px' }} aria-busy="true">
      <Skeleton width="45%" />
      <Skeleton width="60%" />
      <Skeleton width="30%" />
    </div>
  );
}
