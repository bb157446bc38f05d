/** Statements people keep for later, in this browser. */
import { createStore, useStore } from '../../lib/store';
import { readStored, writeStored } from '../../lib/storage';

export interface Snippet {
  id: string;
  name: string;
  sql: string;
}

const KEY = 'biplane.sql.snippets';
const SNIPPETS_MAX = 200;

const isSnippets = (value: unknown): value is Snippet[] =>
  Array.isArray(value) && value.every((one) => typeof one?.id === 'string' && typeof one.name === 'string' && typeof one.sql === 'string');

const store = createStore<Snippet[]>(readStored(KEY, [], isSnippets), (list) => writeStored(KEY, list));

export const useSnippets = (): Snippet[] => useStore(store);

/** The same name again replaces what it stood for. */
export function saveSnippet(name: string, sql: string): void {
  store.set((list) => {
    const others = list.filter((one) => one.name !== name);
    return [{ id: crypto.getRandomValues(new Uint32Array(2)).join('-'), name, sql }, ...others].slice(0, SNIPPETS_MAX);
  });
}

export function deleteSnippet(id: string): void {
  store.set((list) => list.filter((one) => one.id !== id));
}
