/** Reads an error of the engine: its class, SQLSTATE and the place in the statement it speaks of. */

export interface SqlError {
  /** `TABLE_OR_VIEW_NOT_FOUND`, or undefined when the text carries none. */
  errorClass: string | undefined;
  message: string;
  sqlState: string | undefined;
  /** Offset in the statement's text, when the message tells one. */
  offset: number | undefined;
}

export function parseSqlError(text: string, statement: string, sqlState?: string): SqlError {
  const named = /^\s*\[([A-Z][A-Z0-9_.]*)\]\s*/.exec(text);
  const state = sqlState ?? /SQLSTATE:?\s*([0-9A-Z]{5})/.exec(text)?.[1];
  const message = text
    .slice(named?.[0].length ?? 0)
    .replace(/\s*SQLSTATE:?\s*[0-9A-Z]{5}\s*;?\s*/, '\n')
    .trim();
  const place = positionIn(text);
  return {
    errorClass: named?.[1],
    message: message || text,
    sqlState: state,
    offset: place ? offsetOf(statement, place.line, place.column) : endOf(text, statement),
  };
}

/** A statement that stops too early is at fault where it stops. */
function endOf(text: string, statement: string): number | undefined {
  return /at or near end of input/i.test(text) ? statement.trimEnd().length : undefined;
}

/** Line and column, both from 1. `pos N` counts from 0, `position`/`column` from 1. */
function positionIn(text: string): { line: number; column: number } | null {
  const zeroBased = /\bline:?\s+(\d+),?\s+pos:?\s+(\d+)/i.exec(text);
  if (zeroBased) return { line: Number(zeroBased[1]), column: Number(zeroBased[2]) + 1 };
  const oneBased = /\bline:?\s+(\d+),?\s+(?:position|column|col):?\s+(\d+)/i.exec(text);
  if (oneBased) return { line: Number(oneBased[1]), column: Number(oneBased[2]) };
  return null;
}

function offsetOf(statement: string, line: number, column: number): number | undefined {
  const lines = statement.split('\n');
  if (line < 1 || line > lines.length) return undefined;
  let offset = 0;
  for (let i = 0; i < line - 1; i += 1) offset += (lines[i]?.length ?? 0) + 1;
  return offset + Math.min(Math.max(column - 1, 0), lines[line - 1]?.length ?? 0);
}

/** The word at an offset, so that the mark has a width people can see. */
export function wordAt(text: string, offset: number): { from: number; to: number } {
  const isWord = (char: string | undefined) => char !== undefined && /[\w`.]/.test(char);
  let to = offset;
  while (isWord(text[to])) to += 1;
  if (to === offset) to = Math.min(offset + 1, text.length);
  return { from: to > offset ? offset : Math.max(0, offset - 1), to };
}
