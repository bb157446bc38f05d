/** The pages of the navigation, with the letter that leads there after `g`. */
import type { IconName } from '../ui/Icon';

export interface NavPage {
  to: string;
  label: string;
  icon: IconName;
  key: string;
  also?: string[];
  detail?: string;
  /** For admins of the account. */
  account?: boolean;
}

const PAGES: readonly NavPage[] = [
  { to: '/sql', label: 'SQL editor', icon: 'sql', key: 's' },
  { to: '/workspace', label: 'Workspace', icon: 'folder', key: 'f', detail: 'Folders, notebooks and files' },
  { to: '/catalog', label: 'Catalog', icon: 'catalog', key: 'c', also: ['/volumes', '/functions', '/upload'] },
  { to: '/warehouses', label: 'Compute', icon: 'warehouse', key: 'w', detail: 'SQL warehouses', also: ['/clusters', '/serverless', '/hosts'] },
  { to: '/history', label: 'Query history', icon: 'history', key: 'h' },
  { to: '/network', label: 'Network', icon: 'network', key: 'n' },
  { to: '/account', label: 'Account', icon: 'account', key: 'a', detail: 'Workspaces and what they are made of', account: true },
  { to: '/settings', label: 'Settings', icon: 'settings', key: ',' },
];

export const pagesFor = (accountAdmin: boolean): readonly NavPage[] => PAGES.filter(({ account }) => accountAdmin || account !== true);
