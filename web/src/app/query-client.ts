/** The cache of what the server answered. */
import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/http';

const RETRIES_MAX = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // Only what may heal by itself is asked again.
      retry: (failures, error) =>
        failures < RETRIES_MAX && error instanceof ApiError && (error.status === 0 || error.status >= 502),
      retryDelay: (attempt) => 300 * 2 ** attempt,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
