/** A whole result as a CSV file, by external links. */
import { sendRaw } from '../api/http';
import { getChunk, runStatement } from '../api/statements';
import type { ExternalLink, ResultData, StatementRequest } from '../api/types';

export interface DownloadProgress {
  phase: 'running' | 'fetching';
  bytes: number;
}

/** Runs the statement again for CSV, without the view's row limit, and saves what it answers. */
export async function downloadCsv(
  request: Pick<StatementRequest, 'statement' | 'warehouse_id' | 'session_id' | 'catalog' | 'schema' | 'parameters'>,
  fileName: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: DownloadProgress) => void },
): Promise<void> {
  onProgress({ phase: 'running', bytes: 0 });
  const response = await runStatement(
    { ...request, disposition: 'EXTERNAL_LINKS', format: 'CSV' },
    { signal },
  );
  if (response.status.state !== 'SUCCEEDED') {
    throw new Error(response.status.error?.message ?? `The statement ended as ${response.status.state}.`);
  }
  const parts: Blob[] = [];
  let bytes = 0;
  let data: ResultData | undefined = response.result;
  while (data) {
    for (const link of data.external_links ?? []) {
      const blob = await fetchLink(link, signal);
      bytes += blob.size;
      parts.push(blob);
      onProgress({ phase: 'fetching', bytes });
    }
    const next: number | undefined = data.next_chunk_index ?? data.external_links?.at(-1)?.next_chunk_index;
    data = next === undefined || next === null ? undefined : await getChunk(response.statement_id, next);
  }
  saveBlob(new Blob(parts, { type: 'text/csv' }), fileName);
}

async function fetchLink(link: ExternalLink, signal: AbortSignal): Promise<Blob> {
  const url = new URL(link.external_link, location.origin);
  if (url.host === location.host) return (await sendRaw('GET', url.pathname + url.search, { signal })).blob();
  const answer = await fetch(url, { signal, headers: link.http_headers ?? {}, credentials: 'omit' });
  if (!answer.ok) throw new Error(`The result's storage answered with status ${answer.status}.`);
  return answer.blob();
}

export function saveBlob(blob: Blob, fileName: string): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = fileName;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
