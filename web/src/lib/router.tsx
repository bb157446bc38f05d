/** A small history router: one pattern list, one location store, links that stay links. */
import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

export type Params = Readonly<Record<string, string>>;

const listeners = new Set<() => void>();
const announce = () => listeners.forEach((listener) => listener());

if (typeof window !== 'undefined') window.addEventListener('popstate', announce);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function navigate(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search + location.hash) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  announce();
}

/** Path and query as one string; changes with every navigation. */
export function useLocation(): { path: string; search: URLSearchParams } {
  const href = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const at = href.indexOf('?');
  return at < 0
    ? { path: href, search: new URLSearchParams() }
    : { path: href.slice(0, at), search: new URLSearchParams(href.slice(at)) };
}

/** `/catalog/:catalog/:schema?` against a path; null when it does not fit. `*` takes the rest. */
export function matchPath(pattern: string, path: string): Params | null {
  const want = pattern.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  const params: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    if (part === '*') {
      params['*'] = have.slice(index).map(decode).join('/');
      return params;
    }
    const value = have[index];
    if (part.startsWith(':')) {
      const optional = part.endsWith('?');
      const key = part.slice(1, optional ? -1 : undefined);
      if (value === undefined) {
        if (!optional) return null;
        continue;
      }
      params[key] = decode(value);
    } else if (part !== value) return null;
  }
  return have.length > want.length ? null : params;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Joins segments into a path, each percent-encoded. */
export function pathOf(...segments: string[]): string {
  return '/' + segments.map(encodeURIComponent).join('/');
}

interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  to: string;
  replace?: boolean;
}

export function Link({ to, replace, onClick, ...rest }: LinkProps) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || event.button !== 0 || modified || rest.target) return;
    event.preventDefault();
    navigate(to, { replace: replace ?? false });
  };
  return <a href={to} onClick={follow} {...rest} />;
}

/** Where to go after signing in: a path of this origin, or the start page. */
export function safeNext(next: string | null, origin: string = location.origin): string {
  if (!next) return '/';
  try {
    const url = new URL(next, origin);
    if (url.origin !== origin || url.pathname === '/login') return '/';
    return url.pathname + url.search + url.hash;
  } catch {
    return '/';
  }
}
