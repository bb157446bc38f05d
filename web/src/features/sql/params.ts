/** Named parameters of a statement: `:name`, outside of strings, comments and paths into a value. */
import type { StatementParameter } from '../../api/types';
import { tokenEnd } from '../../lib/sql';

export const PARAM_TYPES = ['STRING', 'BIGINT', 'DOUBLE', 'DECIMAL(38,6)', 'BOOLEAN', 'DATE', 'TIMESTAMP'] as const;

export interface ParamValue {
  type: string;
  value: string;
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;

/** In order of appearance, each once. */
export function paramNames(sql: string): string[] {
  const names = new Set<string>();
  for (let at = 0; at < sql.length; ) {
    const next = tokenEnd(sql, at);
    if (next > at) {
      at = next;
      continue;
    }
    // `value:field` and `value::type` are not parameters.
    if (sql[at] === ':' && sql[at + 1] !== ':' && !/[\w\])`'":]/.test(sql[at - 1] ?? '')) {
      NAME.lastIndex = at + 1;
      const name = NAME.exec(sql)?.[0];
      if (name) names.add(name);
    }
    at += 1;
  }
  return [...names];
}

/** What is sent for the names a statement uses. An empty field of any type but text is NULL. */
export function bindParams(sql: string, values: Readonly<Record<string, ParamValue>>): StatementParameter[] {
  return paramNames(sql).map((name) => {
    const { type, value } = values[name] ?? { type: 'STRING', value: '' };
    return { name, type, ...(value === '' && type !== 'STRING' ? {} : { value }) };
  });
}
