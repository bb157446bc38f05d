/** The frame of every page: skip link, navigation, theme, account, shortcuts. */
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ReactNode } from 'react';
import { Link, navigate } from '../lib/router';
import { setTheme, useTheme, type Theme } from '../lib/theme';
import { IconButton } from '../ui/Button';
import { Icon, type IconName } from '../ui/Icon';
import { Menu } from '../ui/Menu';
import { Toasts } from '../ui/Toasts';
import { signOut, useSession } from './session';
import { ShortcutsDialog } from './ShortcutsDialog';
import { useGlobalKeys } from './useGlobalKeys';

export const PAGES: readonly { to: string; label: string; icon: IconName; key: string; also?: string[] }[] = [
  { to: '/sql', label: 'SQL editor', icon: 'sql', key: 's' },
  { to: '/catalog', label: 'Catalog', icon: 'catalog', key: 'c', also: ['/volumes', '/functions', '/upload'] },
  { to: '/warehouses', label: 'SQL warehouses', icon: 'warehouse', key: 'w' },
  { to: '/history', label: 'Query history', icon: 'history', key: 'h' },
  { to: '/settings', label: 'Settings', icon: 'settings', key: ',' },
];

const THEMES: Record<Theme, { next: Theme; icon: IconName; label: string }> = {
  system: { next: 'light', icon: 'screen', label: 'Theme: system' },
  light: { next: 'dark', icon: 'sun', label: 'Theme: light' },
  dark: { next: 'system', icon: 'moon', label: 'Theme: dark' },
};

const within = (path: string, base: string) => path === base || path.startsWith(`${base}/`);

export function Shell({ path, children }: { path: string; children: ReactNode }) {
  const [help, setHelp] = useState(false);
  const main = useRef<HTMLElement>(null);
  useGlobalKeys({ onHelp: () => setHelp(true), pages: PAGES });
  return (
    <div className="shell">
      <a
        className="skip-link"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to content
      </a>
      <nav className="sidebar" aria-label="Main">
        <Link to="/sql" className="brand" aria-label="Biplane">
          <img src="/favicon.svg" alt="" width="26" height="26" />
          <span>Biplane</span>
        </Link>
        <ul>
          {PAGES.map((page) => {
            const active = [page.to, ...(page.also ?? [])].some((base) => within(path, base));
            return (
              <li key={page.to}>
                <Link to={page.to} className="nav-item" aria-current={active ? 'page' : undefined} title={page.label}>
                  <Icon name={page.icon} />
                  <span>{page.label}</span>
                </Link>
              </li>
            );
          })}
        </ul>
        <SidebarFoot onHelp={() => setHelp(true)} />
      </nav>
      <main id="main" tabIndex={-1} ref={main}>
        {children}
      </main>
      <Toasts />
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}

function SidebarFoot({ onHelp }: { onHelp: () => void }) {
  const session = useSession();
  const client = useQueryClient();
  const theme = useTheme();
  const { next, icon, label } = THEMES[theme];
  const name = session.display_name || session.user_name;
  return (
    <div className="sidebar-foot">
      <div className="row foot-tools">
        <IconButton icon={icon} label={label} onClick={() => setTheme(next)} />
        <IconButton icon="keyboard" label="Keyboard shortcuts" onClick={onHelp} />
      </div>
      <Menu
        label={`Account of ${name}`}
        className="nav-item account"
        align="start"
        actions={[
          { label: 'Settings', icon: 'settings', onSelect: () => navigate('/settings') },
          { label: 'Access tokens', icon: 'key', onSelect: () => navigate('/settings/tokens') },
          { label: 'Sign out', icon: 'signout', onSelect: () => void signOut(client) },
        ]}
      >
        <Icon name="user" />
        <span className="truncate">{name}</span>
      </Menu>
    </div>
  );
}
