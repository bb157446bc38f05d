/** Takes the result elsewhere: the whole as a CSV file, the rows shown to the clipboard. */
import { useEffect, useRef, useState } from 'react';
import { copyText } from '../../lib/clipboard';
import { formatBytes, formatCount } from '../../lib/format';
import { stripComments } from '../../lib/sql';
import { downloadCsv, saveBlob, type DownloadProgress } from '../../results/csv';
import { csvOf, EXPORT_LABELS, exportRows, type ExportFormat } from '../../results/export';
import type { ResultSet } from '../../results/ResultSet';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { Menu } from '../../ui/Menu';
import { toast, toastError } from '../../ui/Toasts';
import type { Run } from './runs';

const COPY_ROWS_MAX = 10_000;
const FORMATS: readonly ExportFormat[] = ['tsv', 'csv', 'markdown', 'json', 'sql'];
/** What may run a second time without changing anything. */
const READS = /^(select|with|from|values|table|show|describe|desc|explain|list)\b/i;

async function saveCsv(run: Run, result: ResultSet, signal: AbortSignal, onProgress: (now: DownloadProgress) => void): Promise<void> {
  const name = `result-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.csv`;
  const again = result.truncated && READS.test(stripComments(run.piece.text));
  if (!again) {
    onProgress({ phase: 'fetching', bytes: 0 });
    return saveBlob(new Blob([csvOf(result.columns, await result.all())], { type: 'text/csv' }), name);
  }
  const place = run.sessionId ? { session_id: run.sessionId } : { warehouse_id: run.warehouseId };
  const bound = run.parameters ? { parameters: run.parameters } : {};
  return downloadCsv({ statement: run.piece.text, ...place, ...run.context, ...bound }, name, { signal, onProgress });
}

async function copyAs(format: ExportFormat, result: ResultSet): Promise<void> {
  try {
    const rows = (await result.all()).slice(0, COPY_ROWS_MAX);
    if (!(await copyText(exportRows(format, result.columns, rows)))) {
      return toast('The browser refused the clipboard. Download the CSV file instead.', 'danger');
    }
    const all = rows.length === result.rowCount && !result.truncated;
    toast(`${all ? 'All' : 'The first'} ${formatCount(rows.length)} rows copied as ${EXPORT_LABELS[format]}`);
  } catch (error) {
    toastError(error);
  }
}

export function DownloadButton({ run, result }: { run: Run; result: ResultSet }) {
  const [progress, setProgress] = useState<DownloadProgress | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const start = async () => {
    const abort = new AbortController();
    controller.current = abort;
    try {
      await saveCsv(run, result, abort.signal, setProgress);
      toast('CSV file downloaded');
    } catch (error) {
      if (!abort.signal.aborted) toastError(error);
    } finally {
      setProgress(null);
    }
  };
  if (progress) {
    return (
      <Button small icon="stop" onClick={() => controller.current?.abort()} title="Stop the download">
        {progress.phase === 'running' ? 'Running…' : formatBytes(progress.bytes)}
      </Button>
    );
  }
  const title = result.truncated ? 'Runs the statement again and saves all rows' : 'Saves all rows';
  return (
    <span className="row">
      <Button small icon="download" onClick={() => void start()} title={title}>
        CSV
      </Button>
      <Menu
        label="Copy the result as"
        actions={FORMATS.map((format) => ({
          label: `Copy as ${EXPORT_LABELS[format]}`,
          icon: 'copy',
          onSelect: () => void copyAs(format, result),
        }))}
      >
        <Icon name="copy" />
      </Menu>
    </span>
  );
}
