/** The typed client: paths, parameters and bodies are those of the server's OpenAPI description. */
import createClient, { type Middleware } from 'openapi-fetch';
import { ApiError, csrfHeaders, errorFrom, notifySignedOut } from './http';
import type { paths } from './schema';

/** Where a 401 is an answer, not the end of the session. */
const SIGN_IN = '/api/2.0/biplane/auth/';

const middleware: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(csrfHeaders(request.method))) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response, schemaPath }) {
    if (response.ok) return undefined;
    if (response.status === 401 && !schemaPath.startsWith(SIGN_IN)) notifySignedOut();
    throw await errorFrom(response);
  },
  onError({ error }) {
    if (error instanceof ApiError || (error instanceof DOMException && error.name === 'AbortError')) return undefined;
    return new ApiError(0, 'UNREACHABLE', 'The server cannot be reached. Check that it runs, then try again.');
  },
};

export const api = createClient<paths>({
  baseUrl: typeof location === 'undefined' ? '' : location.origin,
  credentials: 'same-origin',
  headers: { Accept: 'application/json' },
  fetch: (request) => fetch(request),
});
api.use(middleware);

/** The answer's body. An error has been thrown by then; a body that is missing is an empty object. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  const { data } = await answer;
  return (data ?? {}) as T;
}

/** As `body`, in the app's own type for the same shape. */
export async function as<T>(answer: Promise<{ data?: unknown }>): Promise<T> {
  return (await body(answer)) as T;
}

export const withSignal = (signal: AbortSignal | undefined) => (signal ? { signal } : {});
