/** Room for a table that may be wider than its place; then the keyboard can scroll it. */
import { useCallback, useState, type ReactNode } from 'react';

export function TableWrap({ children }: { children: ReactNode }) {
  const [wide, setWide] = useState(false);
  const ref = useCallback((element: HTMLDivElement | null) => {
    if (!element || typeof ResizeObserver === 'undefined') return undefined;
    const measure = () => setWide(element.scrollWidth > element.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  return (
    <div className="table-wrap" ref={ref} {...(wide ? { tabIndex: 0, role: 'group', 'aria-label': 'Table, scrolls sideways' } : {})}>
      {children}
    </div>
  );
}
