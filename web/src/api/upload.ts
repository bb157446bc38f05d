/** Uploading one file: a single PUT when small, parts when large. Reports bytes as they leave. */
import { ApiError, csrfHeaders, encodePath, notifySignedOut, send } from './http';

const SINGLE_MAX_BYTES = 48 * 1024 * 1024;
const PART_BYTES = 16 * 1024 * 1024;

export interface UploadOptions {
  overwrite: boolean;
  signal?: AbortSignal;
  onProgress?: (sentBytes: number) => void;
}

export async function uploadFile(path: string, file: Blob, options: UploadOptions): Promise<void> {
  if (file.size <= SINGLE_MAX_BYTES) {
    const url = `/api/2.0/fs/files${encodePath(path)}?overwrite=${options.overwrite}`;
    await put(url, file, csrfHeaders('PUT'), options, (sent) => options.onProgress?.(sent));
    return;
  }
  await uploadInParts(path, file, options);
}

interface PartUrl {
  url: string;
  part_number: number;
  headers?: { name: string; value: string }[];
}

async function uploadInParts(path: string, file: Blob, options: UploadOptions): Promise<void> {
  const address = `/api/2.0/fs/files${encodePath(path)}`;
  const started = await send<{ multipart_upload: { session_token: string } }>('POST', address, {
    query: { action: 'initiate-upload', overwrite: options.overwrite },
  });
  const token = started.multipart_upload.session_token;
  const parts: { part_number: number; etag: string }[] = [];
  try {
    for (let offset = 0; offset < file.size; offset += PART_BYTES) {
      const number = parts.length + 1;
      const part = file.slice(offset, offset + PART_BYTES);
      const target = await partUrl(path, token, number);
      const headers = Object.fromEntries((target.headers ?? []).map(({ name, value }) => [name, value]));
      const base = offset;
      const etag = await put(target.url, part, headers, options, (sent) => options.onProgress?.(base + sent));
      parts.push({ part_number: number, etag: etag ?? '' });
    }
    await send<unknown>('POST', address, {
      query: { action: 'complete-upload', upload_type: 'multipart', session_token: token },
      body: { parts },
    });
  } catch (error) {
    await abort(path, token);
    throw error;
  }
}

async function partUrl(path: string, token: string, number: number): Promise<PartUrl> {
  const answer = await send<{ upload_part_urls: PartUrl[] }>('POST', '/api/2.0/fs/create-upload-part-urls', {
    body: {
      path,
      session_token: token,
      start_part_number: number,
      count: 1,
      expire_time: new Date(Date.now() + 3_600_000).toISOString(),
    },
  });
  const first = answer.upload_part_urls[0];
  if (!first) throw new ApiError(500, 'NO_PART_URL', 'The server gave no address for the next part.');
  return first;
}

/** Best effort: parts that stay behind are the server's to expire. */
async function abort(path: string, token: string): Promise<void> {
  try {
    const expire_time = new Date(Date.now() + 3_600_000).toISOString();
    const { abort_upload_url: target } = await send<{
      abort_upload_url: { url: string; headers?: { name: string; value: string }[] };
    }>('POST', '/api/2.0/fs/create-abort-upload-url', { body: { path, session_token: token, expire_time } });
    const headers = Object.fromEntries((target.headers ?? []).map(({ name, value }) => [name, value]));
    await fetch(target.url, { method: 'DELETE', headers });
  } catch {
    // The upload's own error is the one to show.
  }
}

/** XMLHttpRequest, because fetch cannot report how much of a body has been sent. */
function put(
  url: string,
  body: Blob,
  headers: Record<string, string>,
  { signal }: UploadOptions,
  onProgress: (sent: number) => void,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.getResponseHeader('ETag'));
      if (request.status === 401) notifySignedOut();
      reject(uploadError(request));
    };
    request.onerror = () =>
      reject(new ApiError(0, 'UNREACHABLE', 'The connection to the server broke during the upload. Try again.'));
    request.onabort = () => reject(new DOMException('The upload was cancelled.', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort(), { once: true });
    if (signal?.aborted) return reject(new DOMException('The upload was cancelled.', 'AbortError'));
    request.send(body);
  });
}

function uploadError(request: XMLHttpRequest): ApiError {
  try {
    const body = JSON.parse(request.responseText) as { error_code?: string; message?: string };
    return new ApiError(request.status, body.error_code ?? `HTTP_${request.status}`, body.message ?? '');
  } catch {
    return new ApiError(request.status, `HTTP_${request.status}`, request.statusText);
  }
}
