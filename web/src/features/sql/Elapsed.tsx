import { useEffect, useState } from 'react';

const TICK_MS = 100;

/** Seconds since a moment, ticking. */
export function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return <span className="elapsed" aria-hidden="true">{(Math.max(0, now - since) / 1000).toFixed(1)} s</span>;
}
