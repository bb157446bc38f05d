/** What the driver of a cluster writes, as it comes: like a terminal that is looked at. */
import { useEffect, useRef, useState } from 'react';
import type { ListedCluster } from '../../api/clusters';
import { readClusterLog } from '../../api/clusters';
import { Button } from '../../ui/Button';
import { ErrorNotice } from '../../ui/States';
import { Segments } from '../compute/Segments';
import { appended, EMPTY_LOG, type LogText } from './log';

type Stream = 'stdout' | 'stderr' | 'log4j';

const STREAMS: { key: Stream; label: string }[] = [
  { key: 'stdout', label: 'Standard output' },
  { key: 'stderr', label: 'Standard error' },
  { key: 'log4j', label: 'Log4j' },
];
const EVERY_MS = 1000;
/** Closer to the end than that means to follow. */
const FOLLOW_PX = 24;

export function LogTab({ cluster }: { cluster: ListedCluster }) {
  const [stream, setStream] = useState<Stream>('stdout');
  const { log, error } = useLog(cluster.cluster_id, stream);
  const [follows, setFollows] = useState(true);
  const screen = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (follows && screen.current) screen.current.scrollTop = screen.current.scrollHeight;
  }, [log.text, follows]);
  const scrolled = () => {
    const { current } = screen;
    if (current) setFollows(current.scrollHeight - current.scrollTop - current.clientHeight < FOLLOW_PX);
  };
  return (
    <section className="card" aria-label="Driver log">
      <div className="card-head">
        <Segments label="Stream" items={STREAMS} active={stream} onSelect={setStream} />
        <span className="grow" />
        {!follows && (
          <Button icon="down" onClick={() => setFollows(true)}>
            To the end
          </Button>
        )}
      </div>
      {error !== null && <ErrorNotice error={error} />}
      <pre ref={screen} className="log-screen" tabIndex={0} aria-label="Text of the log" onScroll={scrolled}>
        {log.cut && <span className="muted">… what was before is not kept any more{'\n'}</span>}
        {log.text || <span className="muted">Nothing was written yet.</span>}
      </pre>
    </section>
  );
}

/** Reads on from where it was, for as long as it is looked at. */
function useLog(id: string, stream: Stream): { log: LogText; error: unknown } {
  const [log, setLog] = useState<LogText>(EMPTY_LOG);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let known = EMPTY_LOG;
    setLog(known);
    setError(null);
    const read = async () => {
      let more = false;
      try {
        const piece = await readClusterLog(id, stream, known.cursor, abort.signal);
        known = appended(known, piece);
        more = piece.more;
        setLog(known);
        setError(null);
      } catch (problem) {
        if (abort.signal.aborted) return;
        setError(problem);
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void read(), more ? 0 : EVERY_MS);
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [id, stream]);
  return { log, error };
}
