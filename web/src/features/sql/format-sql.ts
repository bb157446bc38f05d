/** Lays SQL out. A chunk of its own, since few need it. */
import { formatDialect, spark } from 'sql-formatter';

export function formatSql(text: string): string {
  return formatDialect(text, { dialect: spark, keywordCase: 'upper', tabWidth: 2, linesBetweenQueries: 1 });
}
