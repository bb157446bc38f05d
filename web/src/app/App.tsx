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

const CatalogPage = lazy(() => import('../features/catalog/CatalogPage'));
const WarehousesPage = lazy(() => import('../features/warehouses/WarehousesPage'));
const HistoryPage = lazy(() => import('../features/history/HistoryPage'));

const ROUTES: readonly [string, Page, string][] = [
  ['/sql', lazy(() => import('../features/sql/SqlPage')), 'SQL editor'],
  ['/catalog/:catalog?/:schema?/:table?', CatalogPage, 'Catalog'],
  ['/volumes/:catalog/:schema/:volume/*', CatalogPage, 'Volume'],
  ['/volumes/:catalog/:schema/:volume', CatalogPage, 'Volume'],
  ['/functions/:catalog/:schema/:function', CatalogPage, 'Function'],
  ['/upload', lazy(() => import('../features/upload/UploadPage')), 'Upload'],
  ['/warehouses/:id?', WarehousesPage, 'SQL warehouses'],
  ['/history/:id?', HistoryPage, 'Query history'],
  ['/settings/:section?', lazy(() => import('../features/settings/SettingsPage')), 'Settings'],
];

function route(path: string): { page: Page; params: Params; title: string } | null {
  for (const [pattern, page, title] of ROUTES) {
    const params = matchPath(pattern, path);
    if (params) return { page, params, title };
  }
  return null;
}

export function App() {
  const { path } = useLocation();
  const found = route(path);
  const title = path === '/login' ? 'Sign in' : (found?.title ?? 'Not found');
  useEffect(() => {
    document.title = `${title} · Biplane`;
  }, [title]);
  useEffect(() => {
    if (path === '/') navigate('/sql', { replace: true });
  }, [path]);
  if (path === '/login') return <LoginPage />;
  if (path === '/') return <PageLoading />;
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
