/** Directories, notebooks and files of the workspace. */
import { api, as, body, withSignal } from './client';
import { withQuery } from './http';
import type { WorkspaceObject } from './types';

const AT = '/api/2.0/workspace';

export const objectStatus = (path: string, signal?: AbortSignal) =>
  as<WorkspaceObject>(api.GET(`${AT}/get-status`, { params: { query: { path } }, ...withSignal(signal) }));

export const listObjects = async (path: string, signal?: AbortSignal) =>
  (await as<{ objects?: WorkspaceObject[] }>(api.GET(`${AT}/list`, { params: { query: { path } }, ...withSignal(signal) }))).objects ?? [];

export const makeDirectory = (path: string) => body(api.POST(`${AT}/mkdirs`, { body: { path } }));
export const deleteObject = (path: string, recursive: boolean) => body(api.POST(`${AT}/delete`, { body: { path, recursive } }));

export async function readObject(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const { content } = await as<{ content: string }>(api.GET(`${AT}/export`, { params: { query: { path, format: 'AUTO' } }, ...withSignal(signal) }));
  return Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
}

/** The browser's own download carries the session cookie, so a plain link is enough. */
export const exportUrl = (path: string) => withQuery(`${AT}/export`, { path, format: 'AUTO', direct_download: true });

export interface NewObject {
  path: string;
  content: Blob | string;
  /** Of a notebook; without it the name and the first line say what it is. */
  language?: string | undefined;
  overwrite?: boolean;
}

export async function writeObject({ path, content, language, overwrite = false }: NewObject): Promise<void> {
  const encoded = await base64(new Blob([content]));
  const kind = language ? { format: 'SOURCE', language } : { format: 'AUTO' };
  await body(api.POST(`${AT}/import`, { body: { path, content: encoded, overwrite, ...kind } }));
}

function base64(blob: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).replace(/^data:[^,]*,?/, ''));
    reader.onerror = () => failed(reader.error ?? new Error('The file cannot be read.'));
    reader.readAsDataURL(blob);
  });
}
