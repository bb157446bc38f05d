/** Values kept in the browser. A refused or broken storage means the default, never an error. */
import { useCallback, useState } from 'react';

export function readStored<T>(key: string, fallback: T, valid: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(key);
    if (text === null) return fallback;
    const value: unknown = JSON.parse(text);
    return valid(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

export function writeStored(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Full or refused: the page goes on with what it has in memory.
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export function useStoredNumber(key: string, fallback: number): [number, (value: number) => void] {
  const [value, setValue] = useState(() => readStored(key, fallback, isNumber));
  const set = useCallback(
    (next: number) => {
      setValue(next);
      writeStored(key, next);
    },
    [key],
  );
  return [value, set];
}
