/** SQL as text: quoting names, splitting a script, finding the statement at the cursor. */

const PLAIN_NAME = /^[a-z_][a-z0-9_]*$/i;
/** Words that cannot stand as a name without quotes in the positions where names are inserted. */
const RESERVED = new Set(
  ('all and anti any as between both by case cast collate column constraint create cross current_date ' +
    'current_time current_timestamp current_user distinct else end escape except exists false filter for foreign ' +
    'from full grant group having in inner intersect into is join lateral leading left like limit minus natural not ' +
    'null offset on only or order outer overlaps primary references right select semi session_user set some table ' +
    'then to trailing true union unique unknown user using values when where with').split(' '),
);

export function quoteName(name: string): string {
  if (PLAIN_NAME.test(name) && !RESERVED.has(name.toLowerCase())) return name;
  return '`' + name.replaceAll('`', '``') + '`';
}

export function qualified(...parts: string[]): string {
  return parts.map(quoteName).join('.');
}

/** A string literal; backslash is an escape character in this dialect. */
export function quoteText(text: string): string {
  return "'" + text.replaceAll('\\', '\\\\').replaceAll("'", "\\'") + "'";
}

export interface Span {
  from: number;
  to: number;
}

/** Spans of the statements of a script, without their semicolons and the space around them. */
export function splitStatements(script: string): Span[] {
  const spans: Span[] = [];
  let start = 0;
  let at = 0;
  while (at < script.length) {
    const next = tokenEnd(script, at);
    if (next > at) {
      at = next;
      continue;
    }
    if (script[at] === ';') {
      push(spans, script, start, at);
      start = at + 1;
    }
    at += 1;
  }
  push(spans, script, start, script.length);
  return spans;
}

/** The end of the comment, string or quoted name that starts at `at`, or `at` itself. */
export function tokenEnd(script: string, at: number): number {
  const two = script.slice(at, at + 2);
  if (two === '--') {
    const end = script.indexOf('\n', at);
    return end < 0 ? script.length : end;
  }
  if (two === '/*') return skipBlockComment(script, at);
  if (two === '$$') {
    const end = script.indexOf('$$', at + 2);
    return end < 0 ? script.length : end + 2;
  }
  const quote = script[at];
  if (quote !== "'" && quote !== '"' && quote !== '`') return at;
  for (let i = at + 1; i < script.length; i += 1) {
    if (script[i] === '\\' && quote !== '`') i += 1;
    else if (script[i] === quote) return i + 1;
  }
  return script.length;
}

/** Block comments nest in this dialect. */
function skipBlockComment(script: string, at: number): number {
  let depth = 0;
  for (let i = at; i < script.length; i += 1) {
    const two = script.slice(i, i + 2);
    if (two === '/*') {
      depth += 1;
      i += 1;
    } else if (two === '*/') {
      depth -= 1;
      i += 1;
      if (depth === 0) return i + 1;
    }
  }
  return script.length;
}

function push(spans: Span[], script: string, from: number, to: number): void {
  const text = script.slice(from, to);
  const lead = text.length - text.trimStart().length;
  const body = text.trim();
  if (body && stripComments(body)) spans.push({ from: from + lead, to: from + lead + body.length });
}

export function stripComments(sql: string): string {
  let out = '';
  let at = 0;
  while (at < sql.length) {
    const next = tokenEnd(sql, at);
    const comment = sql.startsWith('--', at) || sql.startsWith('/*', at);
    if (next > at) {
      out += comment ? ' ' : sql.slice(at, next);
      at = next;
    } else {
      out += sql[at];
      at += 1;
    }
  }
  return out.trim();
}

/** The statement the cursor stands in, or the last one that ends before it. */
export function statementAt(script: string, cursor: number): Span | null {
  const spans = splitStatements(script);
  const inside = spans.find((span) => cursor >= span.from && cursor <= span.to + 1);
  if (inside) return inside;
  return spans.filter((span) => span.to < cursor).at(-1) ?? spans[0] ?? null;
}

export function unquote(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replaceAll('``', '`') : name;
}
