/** The pages of the navigation, with the letter that leads there after `g`. */
import type { IconName } from '../ui/Icon';

export const PAGES: readonly { to: string; label: string; icon: IconName; key: string; also?: string[] }[] = [
  { to: '/sql', label: 'SQL editor', icon: 'sql', key: 's' },
  { to: '/catalog', label: 'Catalog', icon: 'catalog', key: 'c', also: ['/volumes', '/functions', '/upload'] },
  { to: '/warehouses', label: 'SQL warehouses', icon: 'warehouse', key: 'w' },
  { to: '/history', label: 'Query history', icon: 'history', key: 'h' },
  { to: '/settings', label: 'Settings', icon: 'settings', key: ',' },
];
