/** The editor's tabs: kept in this browser, so that a reload loses nothing. */
import { createStore, useStore } from '../../lib/store';
import { readStored, writeStored } from '../../lib/storage';
import type { ParamValue } from './params';

/** The tab's session on the server, and where it is known to stand. */
export interface TabSession {
  id: string;
  warehouseId: string;
  catalog?: string;
  schema?: string;
}

export interface SqlTab {
  id: string;
  title: string;
  sql: string;
  catalog?: string;
  schema?: string;
  session?: TabSession | undefined;
  params?: Record<string, ParamValue>;
}

export interface TabsState {
  tabs: SqlTab[];
  active: string;
}

const KEY = 'biplane.sql.tabs';
const SAVE_MS = 400;
const TABS_MAX = 50;

function isTab(value: unknown): value is SqlTab {
  const tab = value as SqlTab;
  return (
    typeof value === 'object' && value !== null && typeof tab.id === 'string' &&
    typeof tab.title === 'string' && typeof tab.sql === 'string'
  );
}

function isState(value: unknown): value is TabsState {
  const state = value as TabsState;
  return typeof value === 'object' && value !== null && Array.isArray(state.tabs) && state.tabs.every(isTab);
}

function newId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
}

export function nextTitle(tabs: readonly SqlTab[]): string {
  const taken = new Set(tabs.map((tab) => tab.title));
  let number = tabs.length + 1;
  while (taken.has(`Query ${number}`)) number += 1;
  return `Query ${number}`;
}

function first(): TabsState {
  const tab: SqlTab = { id: newId(), title: 'Query 1', sql: '' };
  return { tabs: [tab], active: tab.id };
}

function restore(): TabsState {
  const state = readStored(KEY, first(), isState);
  if (state.tabs.length === 0) return first();
  const active = state.tabs.some((tab) => tab.id === state.active) ? state.active : (state.tabs[0]?.id ?? '');
  return { tabs: state.tabs, active };
}

let timer: ReturnType<typeof setTimeout> | undefined;

function save(): void {
  clearTimeout(timer);
  timer = undefined;
  writeStored(KEY, store.get());
}

const store = createStore<TabsState>(restore(), () => {
  timer ??= setTimeout(save, SAVE_MS);
});

if (typeof window !== 'undefined') window.addEventListener('pagehide', save);

export const useTabs = (): TabsState => useStore(store);
export const tabsNow = (): TabsState => store.get();
export const findTab = (id: string): SqlTab | undefined => store.get().tabs.find((tab) => tab.id === id);

export function openTab(fields: Partial<Omit<SqlTab, 'id'>> = {}): void {
  store.set(({ tabs, active }) => {
    if (tabs.length >= TABS_MAX) return { tabs, active };
    const current = tabs.find((tab) => tab.id === active);
    const context = current?.catalog ? { catalog: current.catalog, ...(current.schema ? { schema: current.schema } : {}) } : {};
    const tab: SqlTab = { id: newId(), title: nextTitle(tabs), sql: '', ...context, ...fields };
    return { tabs: [...tabs, tab], active: tab.id };
  });
}

export function closeTab(id: string): void {
  store.set(({ tabs, active }) => {
    const at = tabs.findIndex((tab) => tab.id === id);
    const left = tabs.filter((tab) => tab.id !== id);
    if (left.length === 0) return first();
    const next = left[Math.min(at, left.length - 1)]?.id ?? '';
    return { tabs: left, active: active === id ? next : active };
  });
}

export function selectTab(id: string): void {
  store.set((state) => (state.active === id ? state : { ...state, active: id }));
}

export function changeTab(id: string, change: Partial<Omit<SqlTab, 'id'>>): void {
  store.set((state) => ({
    ...state,
    tabs: state.tabs.map((tab) => (tab.id === id ? { ...tab, ...change } : tab)),
  }));
}

/** A tab's context as a new value, with an empty schema left out. */
export function setContext(id: string, catalog: string, schema: string): void {
  store.set((state) => ({
    ...state,
    tabs: state.tabs.map((tab) => {
      if (tab.id !== id) return tab;
      const { catalog: _catalog, schema: _schema, ...rest } = tab;
      return { ...rest, ...(catalog ? { catalog } : {}), ...(catalog && schema ? { schema } : {}) };
    }),
  }));
}
