/** The whole result as a CSV file, with progress and a way to stop. */
import { useEffect, useRef, useState } from 'react';
import { formatBytes } from '../../lib/format';
import { downloadCsv, type DownloadProgress } from '../../results/csv';
import { Button } from '../../ui/Button';
import { toast, toastError } from '../../ui/Toasts';
import type { Run } from './runs';

export function DownloadButton({ run }: { run: Run }) {
  const [progress, setProgress] = useState<DownloadProgress | null>(null);
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  const start = async () => {
    const abort = new AbortController();
    controller.current = abort;
    try {
      const name = `result-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.csv`;
      const request = { statement: run.piece.text, warehouse_id: run.warehouseId, ...run.context };
      await downloadCsv(request, name, { signal: abort.signal, onProgress: setProgress });
      toast('CSV file downloaded');
    } catch (error) {
      if (!abort.signal.aborted) toastError(error);
    } finally {
      setProgress(null);
    }
  };
  if (!progress) {
    return (
      <Button small icon="download" onClick={() => void start()} title="Runs the statement again and saves all rows">
        CSV
      </Button>
    );
  }
  return (
    <Button small icon="stop" onClick={() => controller.current?.abort()} title="Stop the download">
      {progress.phase === 'running' ? 'Running…' : formatBytes(progress.bytes)}
    </Button>
  );
}
