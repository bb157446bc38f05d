/** What the cursor stands in: the dotted name before it, and the tables its statement reads. */
import { stripComments, unquote } from '../../lib/sql';

export interface NameAtCursor {
  /** The finished parts before the last dot. */
  path: string[];
  /** Where the part being typed starts. */
  from: number;
}

const PART = '(?:`(?:[^`]|``)*`|[A-Za-z_][A-Za-z0-9_]*)';
const AT_CURSOR = new RegExp(`((?:${PART}\\s*\\.\\s*)*)(\`[^\`]*|[A-Za-z0-9_]*)$`);

export function nameAtCursor(before: string): NameAtCursor {
  const match = AT_CURSOR.exec(before);
  const typed = match?.[2] ?? '';
  const path = [...(match?.[1] ?? '').matchAll(new RegExp(PART, 'g'))].map(([part]) => unquote(part));
  return { path, from: before.length - typed.length };
}

export interface TableReference {
  path: string[];
  alias: string | undefined;
}

const NOT_ALIASES = new Set(
  ('on using where group order having limit join inner left right full cross lateral union except intersect minus ' +
    'window qualify set when values select natural semi anti tablesample pivot unpivot version timestamp as sort cluster').split(' '),
);

export function tablesOf(sql: string): TableReference[] {
  const text = stripComments(sql);
  const name = `${PART}(?:\\s*\\.\\s*${PART}){0,2}`;
  const pattern = new RegExp(`(?:\\b(?:from|join|update|into|table)|,)\\s+(${name})(?:\\s+(?:as\\s+)?(${PART}))?`, 'gi');
  const found: TableReference[] = [];
  for (const match of text.matchAll(pattern)) {
    const path = [...(match[1] ?? '').matchAll(new RegExp(PART, 'g'))].map(([part]) => unquote(part));
    const alias = match[2] && !NOT_ALIASES.has(match[2].toLowerCase()) ? unquote(match[2]) : undefined;
    const bare = path.length === 1 && NOT_ALIASES.has((path[0] ?? '').toLowerCase());
    if (!bare) found.push({ path, alias });
  }
  return found;
}

export interface SqlContext {
  catalog?: string | undefined;
  schema?: string | undefined;
}

/** A table's full name, if the tab's catalog and schema tell the missing parts. */
export function fullName(path: readonly string[], { catalog, schema }: SqlContext): string | null {
  if (path.length === 3) return path.join('.');
  if (path.length === 2 && catalog) return [catalog, ...path].join('.');
  if (path.length === 1 && catalog && schema) return [catalog, schema, ...path].join('.');
  return null;
}
