/** The frame of every page: skip link, navigation, theme, account, shortcuts. */
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, navigate } from '../lib/router';
import { setTheme, useTheme, type Theme } from '../lib/theme';
import { IconButton } from '../ui/Button';
import { Icon, type IconName } from '../ui/Icon';
import { Menu } from '../ui/Menu';
import { Toasts } from '../ui/Toasts';
import { pagesFor } from './pages';
import { signOut, useSession } from './session';
import { MOD, ShortcutsDialog } from './ShortcutsDialog';
import { useGlobalKeys } from './useGlobalKeys';

const loadPalette = () => import('./Palette');
const Palette = lazy(loadPalette);
const IDLE_MS = 1500;

const THEMES: Record<Theme, { next: Theme; icon: IconName; label: string }> = {
  system: { next: 'light', icon: 'screen', label: 'Theme: system' },
  light: { next: 'dark', icon: 'sun', label: 'Theme: light' },
  dark: { next: 'system', icon: 'moon', label: 'Theme: dark' },
};

const within = (path: string, base: string) => path === base || path.startsWith(`${base}/`);

export function Shell({ path, children }: { path: string; children: ReactNode }) {
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const main = useRef<HTMLElement>(null);
  const pages = pagesFor(useSession().account_admin);
  useGlobalKeys({ onHelp: () => setHelp(true), onPalette: () => setPalette(true), pages });
  // Loaded when the page has come to rest, so that what is typed after Ctrl+K is not lost.
  useEffect(() => {
    const timer = setTimeout(() => void loadPalette(), IDLE_MS);
    return () => clearTimeout(timer);
  }, []);
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
        <button type="button" className="nav-item nav-search" title="Search and go (Ctrl+K)" onClick={() => setPalette(true)}>
          <Icon name="search" />
          <span className="grow">Search</span>
          <kbd aria-hidden="true">{MOD} K</kbd>
        </button>
        <ul>
          {pages.map((page) => {
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
      {palette && (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      )}
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
