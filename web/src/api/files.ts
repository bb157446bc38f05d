/** The Files API on volumes: list, make and delete directories, delete files, download addresses. */
import { allPages, encodePath, send } from './http';
import type { DirectoryEntry } from './types';

const file = (path: string) => `/api/2.0/fs/files${encodePath(path)}`;
const directory = (path: string) => `/api/2.0/fs/directories${encodePath(path)}`;

export const listDirectory = (path: string, signal?: AbortSignal) =>
  allPages(
    (token) =>
      send<{ contents?: DirectoryEntry[]; next_page_token?: string }>('GET', directory(path), {
        query: { page_token: token },
        signal,
      }),
    (page) => page.contents,
  );

export const createDirectory = (path: string) => send<unknown>('PUT', directory(path));
export const deleteDirectory = (path: string) => send<unknown>('DELETE', directory(path));
export const deleteFile = (path: string) => send<unknown>('DELETE', file(path));
/** The browser's own download carries the session cookie, so a plain link is enough. */
export const downloadUrl = file;
