/** What the palette offers: pages, tabs, tables, warehouses, actions; and how a text finds them. */
import type { QueryClient } from '@tanstack/react-query';
import type { Cluster, Session, TableInfo, Warehouse } from '../api/types';
import { navigate } from '../lib/router';
import { setTheme } from '../lib/theme';
import type { IconName } from '../ui/Icon';
import { openTab, selectTab, tabsNow } from '../features/sql/tabs';
import { pagesFor } from './pages';
import { signOut } from './session';

export interface Command {
  id: string;
  label: string;
  detail: string;
  icon: IconName;
  run: () => void;
}

const SHOWN_MAX = 40;

const go = (label: string, detail: string, icon: IconName, to: string): Command => ({
  id: `go ${to}`,
  label,
  detail,
  icon,
  run: () => navigate(to),
});

const act = (label: string, icon: IconName, run: () => void): Command => ({ id: `act ${label}`, label, detail: 'Action', icon, run });

const SETTINGS: readonly [string, string][] = [
  ['Access tokens', 'tokens'],
  ['Users', 'users'],
  ['Groups', 'groups'],
  ['Service principals', 'service-principals'],
];

const ACCOUNT: readonly [string, string][] = [
  ['Credential configurations', 'credentials'],
  ['Storage configurations', 'storage'],
  ['Networks of workspaces', 'networks'],
  ['Encryption keys', 'keys'],
  ['Private access', 'private-access'],
  ['Users of the account', 'users'],
  ['Groups of the account', 'groups'],
  ['Service principals of the account', 'service-principals'],
];

function tabs(): Command[] {
  return tabsNow().tabs.map(({ id, title }) => ({
    id: `tab ${id}`,
    label: title,
    detail: 'Query tab',
    icon: 'sql',
    run: () => {
      selectTab(id);
      navigate('/sql');
    },
  }));
}

/** Everything in the catalog that was loaded so far. */
function known(client: QueryClient): Command[] {
  const data = <T>(key: string) => client.getQueriesData<T[]>({ queryKey: ['uc', key] }).flatMap(([, list]) => (Array.isArray(list) ? list : []));
  const tables = data<TableInfo>('tables').map(({ catalog_name, schema_name, name, table_type }) =>
    go(name ?? '', `${catalog_name}.${schema_name}`, table_type === 'VIEW' ? 'view' : 'table', path(catalog_name, schema_name, name)),
  );
  const schemas = data<{ name: string; catalog_name?: string }>('schemas').map(({ name, catalog_name }) =>
    go(name, `Schema in ${catalog_name}`, 'schema', path(catalog_name, name)),
  );
  const catalogs = data<{ name: string }>('catalogs').map(({ name }) => go(name, 'Catalog', 'catalog', path(name)));
  return [...tables, ...schemas, ...catalogs];
}

const path = (...parts: (string | undefined)[]) => `/catalog/${parts.map((part) => encodeURIComponent(part ?? '')).join('/')}`;

export function commandsOf(client: QueryClient): Command[] {
  const warehouses = client.getQueryData<Warehouse[]>(['warehouses']) ?? [];
  const clusters = client.getQueryData<Cluster[]>(['clusters']) ?? [];
  const accountAdmin = client.getQueryData<Session>(['session'])?.account_admin ?? false;
  const all = [
    ...pagesFor(accountAdmin).map(({ to, label, icon, detail = 'Page' }) => go(label, detail, icon, to)),
    act('New query', 'plus', () => {
      openTab();
      navigate('/sql');
    }),
    ...tabs(),
    ...known(client),
    ...warehouses.map(({ id, name }) => go(name, 'SQL warehouse', 'warehouse', `/warehouses/${id}`)),
    ...clusters.map(({ cluster_id, cluster_name }) => go(cluster_name || cluster_id, 'Cluster', 'host', `/clusters/${cluster_id}`)),
    go('Clusters', 'Page', 'host', '/clusters'),
    go('Create a cluster', 'Page', 'plus', '/clusters/new'),
    go('Serverless', 'Page', 'shield', '/serverless'),
    go('Upload a file', 'Page', 'upload', '/upload'),
    ...(accountAdmin ? ACCOUNT.map(([label, to]) => go(label, 'Account', 'account', `/account/${to}`)) : []),
    ...SETTINGS.map(([label, to]) => go(label, 'Settings', 'settings', `/settings/${to}`)),
    act('Light theme', 'sun', () => setTheme('light')),
    act('Dark theme', 'moon', () => setTheme('dark')),
    act('Theme of the system', 'screen', () => setTheme('system')),
    act('Sign out', 'signout', () => void signOut(client)),
  ];
  return [...new Map(all.map((one) => [one.id, one])).values()];
}

/** Smaller is better; null when a word is nowhere. */
export function score(command: Pick<Command, 'label' | 'detail'>, text: string): number | null {
  const label = command.label.toLowerCase();
  const full = `${command.detail}.${command.label} ${command.label} ${command.detail}`.toLowerCase();
  let total = 0;
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = label.indexOf(word);
    if (at === 0) total += label.length === word.length ? 0 : 1;
    else if (at > 0) total += /[\s_.-]/.test(label[at - 1] ?? '') ? 2 : 4;
    else if (full.includes(word)) total += 6;
    else return null;
  }
  return total;
}

export function search(commands: readonly Command[], text: string): Command[] {
  return commands
    .map((command, at) => ({ command, at, rank: score(command, text) }))
    .filter((one): one is typeof one & { rank: number } => one.rank !== null)
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .slice(0, SHOWN_MAX)
    .map(({ command }) => command);
}
