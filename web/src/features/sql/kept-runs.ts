/** Runs as they are kept in this browser over a reload: everything but the rows, which the server has. */
import { readStored, writeStored } from '../../lib/storage';
import type { Run, TabRuns } from './runs';

const KEY = 'biplane.sql.runs';
const SAVE_MS = 300;
const RUNS_MAX = 20;
/** How long the server keeps a result. */
const LIFE_MS = 60 * 60 * 1000;

type Kept = Pick<TabRuns, 'runs' | 'selected'>;

const isKept = (value: unknown): value is [string, Kept][] =>
  Array.isArray(value) && value.every((one) => Array.isArray(one) && typeof one[0] === 'string' && Array.isArray(one[1]?.runs));

/** Negative ids never meet those of new runs. */
function revive(run: Run, index: number, tab: number): Run {
  return { ...run, id: -(tab * RUNS_MAX + index + 1), kept: true };
}

export function keptRuns(now: number = Date.now()): Map<string, Kept> {
  const tabs = readStored(KEY, [], isKept);
  const alive = tabs.map(([id, kept], tab): [string, Kept] => {
    const runs = kept.runs.filter((run) => run.statementId && now - run.startedAt < LIFE_MS);
    return [id, { runs: runs.map((run, index) => revive(run, index, tab)), selected: Math.min(kept.selected, runs.length - 1) }];
  });
  return new Map(alive.filter(([, kept]) => kept.runs.length > 0));
}

let timer: ReturnType<typeof setTimeout> | undefined;
let latest: ReadonlyMap<string, TabRuns> = new Map();

function save(): void {
  clearTimeout(timer);
  timer = undefined;
  const tabs = [...latest].map(([id, { runs, selected }]) => {
    const kept = runs.slice(0, RUNS_MAX).filter(({ statementId }) => statementId);
    return [id, { selected, runs: kept.map(({ result: _result, failure: _failure, ...run }) => run) }];
  });
  writeStored(KEY, tabs);
}

export function keepRuns(runs: ReadonlyMap<string, TabRuns>): void {
  latest = runs;
  timer ??= setTimeout(save, SAVE_MS);
}

if (typeof window !== 'undefined') window.addEventListener('pagehide', () => timer !== undefined && save());
