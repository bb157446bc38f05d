/** The chosen tab of an object's page; it stands in the address. */
import { navigate, useLocation } from '../../lib/router';

export function useTab<K extends string>(keys: readonly K[], fallback: K): [K, (key: K) => void] {
  const { path, search } = useLocation();
  const active = keys.find((key) => key === search.get('tab')) ?? fallback;
  return [active, (key) => navigate(key === fallback ? path : `${path}?tab=${key}`, { replace: true })];
}
