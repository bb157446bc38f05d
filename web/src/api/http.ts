/** One way to call the server: JSON in, JSON out, the session's CSRF token, one error type. */

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;

  constructor(status: number, code: string, message: string, requestId?: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

export type QueryValue = string | number | boolean | undefined | readonly (string | number)[];

export interface SendOptions {
  query?: Record<string, QueryValue>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** A 401 is an answer here, not the end of the session. */
  allow401?: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';

let signedOut: () => void = () => undefined;

/** Called whenever the server says that the session has ended. */
export function onSignedOut(listener: () => void): void {
  signedOut = listener;
}

export function notifySignedOut(): void {
  signedOut();
}

export function cookie(name: string, from: string = document.cookie): string | undefined {
  for (const part of from.split(';')) {
    const [key, ...rest] = part.trim().split('=');
    if (key === name) return decodeURIComponent(rest.join('='));
  }
  return undefined;
}

export function csrfHeaders(method: string): Record<string, string> {
  if (method === 'GET' || method === 'HEAD') return {};
  const token = cookie('biplane_csrf');
  return token ? { 'X-CSRF-Token': token } : {};
}

export function withQuery(path: string, query: Record<string, QueryValue> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) search.append(key, String(one));
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Percent-encodes every segment of an absolute path and leaves the slashes. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

export async function errorFrom(response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const code = body['error_code'] ?? body['scimType'] ?? body['error'] ?? `HTTP_${response.status}`;
    const message = body['message'] ?? body['detail'] ?? body['error_description'] ?? response.statusText;
    return new ApiError(response.status, String(code), String(message), requestId);
  } catch {
    const message = response.statusText || `The server answered with status ${response.status}.`;
    return new ApiError(response.status, `HTTP_${response.status}`, message, requestId);
  }
}

export async function sendRaw(method: Method, path: string, options: SendOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...csrfHeaders(method) };
  const init: RequestInit = { method, headers, credentials: 'same-origin' };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(withQuery(path, options.query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'UNREACHABLE', 'The server cannot be reached. Check that it runs, then try again.');
  }
  if (response.ok) return response;
  if (response.status === 401 && !options.allow401) signedOut();
  throw await errorFrom(response);
}

export async function send<T>(method: Method, path: string, options: SendOptions = {}): Promise<T> {
  const response = await sendRaw(method, path, options);
  const text = await response.text();
  return (text ? JSON.parse(text) : {}) as T;
}

interface Page {
  next_page_token?: string | undefined;
}

/** Follows `next_page_token`; an empty page with a token goes on. At most `pagesMax` pages. */
export async function allPages<P extends Page, T>(
  load: (token: string | undefined) => Promise<P>,
  items: (page: P) => readonly T[] | undefined,
  pagesMax = 50,
): Promise<T[]> {
  const all: T[] = [];
  let token: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await load(token);
    all.push(...(items(answer) ?? []));
    if (!answer.next_page_token || answer.next_page_token === token) break;
    token = answer.next_page_token;
  }
  return all;
}
