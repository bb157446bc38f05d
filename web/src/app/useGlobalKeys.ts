/** Keys that work on every page: Ctrl+K for the palette, `?` for help, `g` and a letter to go somewhere. */
import { useEffect, useRef } from 'react';
import { navigate } from '../lib/router';

const SEQUENCE_MS = 1200;

interface Options {
  onHelp: () => void;
  onPalette: () => void;
  pages: readonly { to: string; key: string }[];
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function useGlobalKeys({ onHelp, onPalette, pages }: Options): void {
  const goSince = useRef(0);
  const latest = useRef({ onHelp, onPalette, pages });
  useEffect(() => {
    latest.current = { onHelp, onPalette, pages };
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        if (!document.querySelector('dialog[open]')) latest.current.onPalette();
        return;
      }
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      if (modified || isTyping(event.target) || document.querySelector('dialog[open]')) return;
      if (event.key === '?') {
        event.preventDefault();
        latest.current.onHelp();
      } else if (Date.now() - goSince.current < SEQUENCE_MS) {
        goSince.current = 0;
        const page = latest.current.pages.find(({ key }) => key === event.key);
        if (page) {
          event.preventDefault();
          navigate(page.to);
        }
      } else if (event.key === 'g') goSince.current = Date.now();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
}
