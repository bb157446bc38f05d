/** The text of a log that is read piece by piece. */
import type { ClusterLogPiece } from '../../api/types';

export interface LogText {
  text: string;
  cursor: number;
  log_id: number;
  /** Its beginning is not there any more. */
  cut: boolean;
}

export const EMPTY_LOG: LogText = { text: '', cursor: 0, log_id: 0, cut: false };
const CHARS_MAX = 1_000_000;

/** The log of a server that started anew is another one. */
export function appended(known: LogText, { log_id, text, cursor, skipped }: ClusterLogPiece): LogText {
  if (known.log_id !== 0 && log_id !== known.log_id) return { ...EMPTY_LOG, log_id };
  const whole = skipped ? text : known.text + text;
  const kept = whole.length > CHARS_MAX ? whole.slice(-CHARS_MAX) : whole;
  return { text: kept, cursor, log_id, cut: known.cut || skipped || kept.length < whole.length };
}
