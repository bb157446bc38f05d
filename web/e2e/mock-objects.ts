/** The pretended server's directories, notebooks and files. */
import type { WorkspaceObject } from '../src/api/types';
import type { Answer, Asked } from './mock-compute';

export interface ObjectMock {
  objects: (WorkspaceObject & { content: string })[];
}

const HOME = '/Users/admin@biplane.local';
const AT = Date.UTC(2026, 10, 20, 9, 0, 0);
let ids = 100;

const object = (path: string, object_type: string, content = '', language?: string): ObjectMock['objects'][number] => ({
  object_id: ++ids,
  resource_id: String(ids),
  path,
  object_type,
  content,
  created_at: AT,
  modified_at: AT,
  ...(language ? { language } : {}),
  ...(object_type === 'FILE' ? { size: content.length } : {}),
});

export const objectState = (): ObjectMock => ({
  objects: [
    object('/', 'DIRECTORY'),
    object('/Shared', 'DIRECTORY'),
    object('/Users', 'DIRECTORY'),
    object(HOME, 'DIRECTORY'),
    object(`${HOME}/project`, 'DIRECTORY'),
    object(`${HOME}/etl`, 'NOTEBOOK', '# Databricks notebook source\nprint(1)', 'PYTHON'),
    object(`${HOME}/readme.md`, 'FILE', '# About'),
  ],
});

const parent = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';

/** Undefined: it is none of these. */
export function objects(state: ObjectMock, { method, path: at, search, body, empty }: Asked): Answer | undefined {
  const call = /^\/api\/2\.0\/workspace\/([\w-]+)$/.exec(at)?.[1];
  if (call === undefined) return undefined;
  const sent = JSON.parse(body ?? '{}') as { path?: string; content?: string; language?: string; overwrite?: boolean };
  const path = method === 'GET' ? (search.get('path') ?? '') : (sent.path ?? '');
  const found = state.objects.find((one) => one.path === path);
  if (method === 'GET' && !found) return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: `Path (${path}) doesn't exist.` } };
  if (call === 'get-status') return { body: found };
  if (call === 'list') return { body: { objects: empty ? [] : state.objects.filter((one) => one.path !== '/' && parent(one.path) === path) } };
  if (call === 'export') return { body: { content: btoa(found?.content ?? ''), file_type: 'py' } };
  if (call === 'mkdirs') state.objects.push(object(path, 'DIRECTORY'));
  if (call === 'delete') state.objects = state.objects.filter((one) => one.path !== path);
  if (call === 'import') {
    const content = atob(sent.content ?? '');
    if (found) found.content = content;
    else state.objects.push(object(path, sent.language ? 'NOTEBOOK' : 'FILE', content, sent.language));
  }
  return { body: {} };
}
