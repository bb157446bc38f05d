/** Who is signed in. Everything below the provider may count on a session. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, type ReactNode } from 'react';
import { ApiError, onSignedOut } from '../api/http';
import * as api from '../api/session';
import type { Session } from '../api/types';
import { navigate } from '../lib/router';
import { ErrorState, PageLoading } from '../ui/States';

const SessionContext = createContext<Session | null>(null);
const KEY = ['session'];

export function loginPath(): string {
  const here = location.pathname + location.search;
  return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const query = useQuery({ queryKey: KEY, queryFn: ({ signal }) => api.session(signal), staleTime: 60_000 });
  const signedOut = query.error instanceof ApiError && query.error.status === 401;
  useEffect(() => {
    onSignedOut(() => {
      if (location.pathname === '/login') return;
      const target = loginPath();
      client.removeQueries({ queryKey: KEY });
      navigate(target);
    });
    return () => onSignedOut(() => undefined);
  }, [client]);
  useEffect(() => {
    if (signedOut) navigate(loginPath(), { replace: true });
  }, [signedOut]);
  if (query.data) return <SessionContext value={query.data}>{children}</SessionContext>;
  if (query.error && !signedOut) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  return <PageLoading />;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('No session here.');
  return session;
}

export async function signOut(client: { clear: () => void }): Promise<void> {
  try {
    await api.logout();
  } finally {
    client.clear();
    navigate('/login');
  }
}
