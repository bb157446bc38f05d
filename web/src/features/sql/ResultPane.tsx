/** What the tab's statements answered: one strip per statement, then table, chart or error. */
import { lazy, Suspense, useEffect, useState } from 'react';
import { formatCount, formatDuration, plural } from '../../lib/format';
import { Link } from '../../lib/router';
import { stripComments } from '../../lib/sql';
import { DataGrid } from '../../results/DataGrid';
import type { ResultSet } from '../../results/ResultSet';
import { EmptyState, ErrorNotice, ErrorState, Skeleton } from '../../ui/States';
import { Tabs, type TabItem } from '../../ui/Tabs';
import { DownloadButton } from './DownloadButton';
import { Elapsed } from './Elapsed';
import { resumeRun } from './execute';
import { RunProgress } from './RunProgress';
import { isActive, selectRun, type Run, type TabRuns } from './runs';
import { NOTES } from './sessions';
import { SqlErrorView } from './SqlErrorView';

const ChartPanel = lazy(() => import('../../results/chart/ChartPanel').then((m) => ({ default: m.ChartPanel })));

type View = 'table' | 'chart';
const VIEWS: readonly TabItem<View>[] = [
  { key: 'table', label: 'Table' },
  { key: 'chart', label: 'Chart' },
];

export function ResultPane({ tabId, runs }: { tabId: string; runs: TabRuns | undefined }) {
  const run = runs?.runs[runs.selected];
  useEffect(() => {
    if (run?.kept && runs) void resumeRun(tabId, run, runs.controller.signal);
    // Once for each run that was kept.
  }, [tabId, run?.id, run?.kept]);
  return (
    <div className="result-pane">
      {runs && runs.runs.length > 1 && <RunStrip tabId={tabId} runs={runs} />}
      {run ? <RunView key={run.id} run={run} /> : <Nothing />}
    </div>
  );
}

function Nothing() {
  return (
    <EmptyState icon="play" title="No result yet">
      Write a statement and run it with Ctrl+Enter. Names from the catalog on the left go in with a click.
    </EmptyState>
  );
}

function RunStrip({ tabId, runs }: { tabId: string; runs: TabRuns }) {
  return (
    <div className="run-strip" role="group" aria-label="Statements">
      {runs.runs.map((run, index) => (
        <button
          key={run.id}
          type="button"
          aria-pressed={index === runs.selected}
          className={`run-chip ${tone(run)}`}
          title={run.piece.text}
          onClick={() => selectRun(tabId, index)}
        >
          <span className={`dot ${tone(run)}`} aria-hidden="true" />
          {index + 1}. {stripComments(run.piece.text).slice(0, 26)}
        </button>
      ))}
    </div>
  );
}

function tone(run: Run): string {
  if (isActive(run)) return run.state === 'WAITING' ? '' : 'warn';
  if (run.state === 'SUCCEEDED') return 'ok';
  return run.state === 'FAILED' ? 'danger' : '';
}

function RunView({ run }: { run: Run }) {
  const [view, setView] = useState<View>('table');
  const result = run.result;
  const rows = result && result.columns.length > 0;
  return (
    <>
      <div className="result-head">
        {rows ? (
          <Tabs items={VIEWS} active={view} onSelect={setView} label="Result" idBase={`result-${run.id}`} />
        ) : (
          <span className="result-title">{isActive(run) ? 'Running' : 'Result'}</span>
        )}
        <span className="grow" />
        <Summary run={run} />
        {result && rows && <DownloadButton run={run} result={result} />}
      </div>
      {isActive(run) ? <div className="indeterminate" /> : <div className="result-rule" />}
      {run.note && (
        <div className="result-note" role="status">
          {NOTES[run.note]}
        </div>
      )}
      {result?.truncated && <Truncated result={result} />}
      <div className="result-body" id={`result-${run.id}-panel`}>
        <Body run={run} view={view} />
      </div>
    </>
  );
}

function Truncated({ result }: { result: ResultSet }) {
  return (
    <div className="result-note" role="status">
      Only the first {formatCount(result.rowCount)} rows are shown. Raise the row limit, or download the CSV file for all of them.
    </div>
  );
}

function Summary({ run }: { run: Run }) {
  const rows = run.result && run.result.columns.length > 0 ? `${plural(run.result.rowCount, 'row')} · ` : '';
  return (
    <span className="result-summary" role="status">
      {isActive(run) ? <Elapsed since={run.startedAt} /> : `${rows}${formatDuration((run.endedAt ?? 0) - run.startedAt)}`}
      {run.statementId && !isActive(run) && <Link to={`/history/${run.statementId}`}>Profile</Link>}
    </span>
  );
}

function Body({ run, view }: { run: Run; view: View }) {
  if (isActive(run)) return <RunProgress run={run} />;
  if (run.kept && run.state === 'SUCCEEDED') return <ResultWait />;
  if (run.failure !== undefined) return <ErrorState error={run.failure} />;
  if (run.error) return <SqlErrorView error={run.error} statementId={run.statementId} />;
  if (run.state === 'CANCELED') {
    return (
      <EmptyState icon="stop" title="Cancelled">
        The statement did not finish. Run it again with Ctrl+Enter.
      </EmptyState>
    );
  }
  if (!run.result) {
    return (
      <EmptyState icon="history" title="The result is no longer there">
        The server keeps results for an hour. Run the statement again with Ctrl+Enter.
      </EmptyState>
    );
  }
  if (run.result.columns.length === 0) {
    return (
      <EmptyState icon="check" title="Done">
        The statement succeeded and has no rows to show.
      </EmptyState>
    );
  }
  if (view === 'chart') {
    return (
      <Suspense fallback={<Skeleton height={200} />}>
        <ChartPanel result={run.result} />
      </Suspense>
    );
  }
  return (
    <>
      {run.result.error !== null && <ErrorNotice error={run.result.error} />}
      <DataGrid result={run.result} label="Result" />
    </>
  );
}

function ResultWait() {
  return (
    <div className="stack" style={{ padding: 16 }} aria-busy="true">
      {Array.from({ length: 5 }, (_, row) => (
        <Skeleton key={row} height={18} />
      ))}
    </div>
  );
}
