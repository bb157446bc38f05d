/** Uploads under way: a short queue, one file at a time, each with its progress. */
import { useRef, useState } from 'react';
import { uploadFile } from '../../../api/upload';

export interface Upload {
  id: number;
  name: string;
  size: number;
  sent: number;
  state: 'waiting' | 'sending' | 'done' | 'failed';
  error?: unknown;
}

let nextId = 1;

export function useUploads(onDone: (path: string) => void) {
  const [uploads, setUploads] = useState<Upload[]>([]);
  const stops = useRef(new Map<number, AbortController>());
  const chain = useRef<Promise<void>>(Promise.resolve());
  const patch = (id: number, change: Partial<Upload>) =>
    setUploads((list) => list.map((one) => (one.id === id ? { ...one, ...change } : one)));
  const remove = (id: number) => setUploads((list) => list.filter((one) => one.id !== id));

  const send = async (upload: Upload, path: string, file: File, overwrite: boolean, signal: AbortSignal) => {
    if (signal.aborted) return;
    patch(upload.id, { state: 'sending' });
    try {
      await uploadFile(path, file, { overwrite, signal, onProgress: (sent) => patch(upload.id, { sent }) });
      patch(upload.id, { state: 'done', sent: file.size });
      onDone(path);
    } catch (error) {
      if (!signal.aborted) patch(upload.id, { state: 'failed', error });
    } finally {
      stops.current.delete(upload.id);
    }
  };
  const start = (directory: string, files: readonly File[], overwrite: boolean) => {
    for (const file of files) {
      const upload: Upload = { id: nextId++, name: file.name, size: file.size, sent: 0, state: 'waiting' };
      const controller = new AbortController();
      stops.current.set(upload.id, controller);
      setUploads((list) => [...list, upload]);
      chain.current = chain.current.then(() => send(upload, `${directory}/${file.name}`, file, overwrite, controller.signal));
    }
  };
  const dismiss = (id: number) => {
    stops.current.get(id)?.abort();
    remove(id);
  };
  return { uploads, start, dismiss };
}
