/** Routes. Every page is a chunk of its own. */
import { lazy, Suspense, useEffect, type ComponentType } from 'react';
import { matchPath, navigate, useLocation, type Params } from '../lib/router';
import { PageLoading } from '../ui/States';
import { ErrorBoundary } from './ErrorBoundary';
import { LoginPage } from '../features/auth/LoginPage';
import { NotFound } from './NotFound';
import { SessionProvider } from './session';
import { Shell } from './Shell';

export interface PageProps {
  params: Params;
}

type Page = ComponentType<PageProps>;

type Load = () => Promise<{ default: Page }>;

/** A page and the chunk it comes in, which may be asked for before it is drawn. */
function chunk(load: Load): { Page: Page; load: Load } {
  return { Page: lazy(load), load };
}

const catalog = chunk(() => import('../features/catalog/CatalogPage'));

const ROUTES: readonly [string, ReturnType<typeof chunk>, string][] = [
  ['/sql', chunk(() => import('../features/sql/SqlPage')), 'SQL editor'],
  ['/workspace/*', chunk(() => import('../features/workspace/WorkspacePage')), 'Workspace'],
  ['/catalog/:catalog?/:schema?/:table?', catalog, 'Catalog'],
  ['/volumes/:catalog/:schema/:volume/*', catalog, 'Volume'],
  ['/volumes/:catalog/:schema/:volume', catalog, 'Volume'],
  ['/functions/:catalog/:schema/:function', catalog, 'Function'],
  ['/upload', chunk(() => import('../features/upload/UploadPage')), 'Upload'],
  ['/warehouses/:id?', chunk(() => import('../features/warehouses/WarehousesPage')), 'SQL warehouses'],
  ['/clusters/:id?/:action?', chunk(() => import('../features/clusters/ClustersPage')), 'Clusters'],
  ['/serverless', chunk(() => import('../features/compute/ServerlessPage')), 'Serverless'],
  ['/hosts/:id?', chunk(() => import('../features/compute/HostsPage')), 'Hosts'],
  ['/network/:section?', chunk(() => import('../features/network/NetworkPage')), 'Network'],
  ['/history/:id?', chunk(() => import('../features/history/HistoryPage')), 'Query history'],
  ['/account/:section?/:id?', chunk(() => import('../features/account/AccountPage')), 'Account'],
  ['/settings/:section?', chunk(() => import('../features/settings/SettingsPage')), 'Settings'],
];

/** Addresses that lead elsewhere. */
const MOVED: Record<string, string> = { '/': '/sql', '/compute': '/warehouses' };

function route(path: string): { page: Page; load: Load; params: Params; title: string } | null {
  for (const [pattern, { Page, load }, title] of ROUTES) {
    const params = matchPath(pattern, path);
    if (params) return { page: Page, load, params, title };
  }
  return null;
}

// The first page's chunk comes while the session is asked for, not after it. A failure shows when it is drawn.
route(MOVED[location.pathname] ?? location.pathname)?.load().catch(() => undefined);

export function App() {
  const { path } = useLocation();
  const found = route(path);
  const title = path === '/login' ? 'Sign in' : (found?.title ?? 'Not found');
  useEffect(() => {
    document.title = `${title} · Biplane`;
  }, [title]);
  const moved = MOVED[path];
  useEffect(() => {
    if (moved) navigate(moved, { replace: true });
  }, [moved]);
  if (path === '/login') return <LoginPage />;
  if (moved) return <PageLoading />;
  return (
    <SessionProvider>
      <Shell path={path}>
        <ErrorBoundary resetKey={path}>
          <Suspense fallback={<PageLoading />}>
            {found ? <found.page params={found.params} /> : <NotFound />}
          </Suspense>
        </ErrorBoundary>
      </Shell>
    </SessionProvider>
  );
}
