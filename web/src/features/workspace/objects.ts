/** Objects as the page shows them. */
import type { WorkspaceObject } from '../../api/types';
import { pathOf } from '../../lib/router';
import type { IconName } from '../../ui/Icon';

/** More than that is downloaded, not shown. */
export const SHOWN_BYTES_MAX = 1 << 20;

export const LANGUAGES: readonly (readonly [string, string])[] = [
  ['PYTHON', 'Python'],
  ['SQL', 'SQL'],
  ['SCALA', 'Scala'],
  ['R', 'R'],
];

export const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
export const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
export const inside = (directory: string, name: string) => `${directory === '/' ? '' : directory}/${name}`;
export const addressOf = (path: string) => (path === '/' ? '/workspace' : pathOf('workspace', ...path.slice(1).split('/')));

export function kindOf({ object_type, language }: WorkspaceObject): string {
  if (object_type === 'DIRECTORY') return 'Folder';
  if (object_type === 'FILE') return 'File';
  return `${LANGUAGES.find(([key]) => key === language)?.[1] ?? ''} notebook`.trim();
}

export const iconOf = ({ object_type }: WorkspaceObject): IconName =>
  object_type === 'DIRECTORY' ? 'folder' : object_type === 'NOTEBOOK' ? 'sql' : 'file';

export const typeOf = ({ object_type }: WorkspaceObject) =>
  object_type === 'DIRECTORY' ? 'directories' : object_type === 'NOTEBOOK' ? 'notebooks' : 'files';

/** Belongs to the workspace itself: it has no actions. */
export const isFixed = (path: string) => /^\/(Users(\/[^/]*)?|Shared)?$/.test(path);

/** Folders first, then by name. */
export const sorted = (objects: readonly WorkspaceObject[]) =>
  [...objects].sort((a, b) => Number(b.object_type === 'DIRECTORY') - Number(a.object_type === 'DIRECTORY') || a.path.localeCompare(b.path));

/** Null: it is not text. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

/** Why a name is not one; undefined: it is. */
export function problemOf(name: string): string | undefined {
  if (name.includes('/')) return 'Without slashes.';
  return name === '.' || name === '..' ? 'Another name.' : undefined;
}
