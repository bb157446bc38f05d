/** Sorting and filtering of a shown result: which of its rows stands at which place. */
import { useEffect, useMemo, useState } from 'react';
import type { Row } from '../api/types';
import type { ResultSet } from './ResultSet';
import { arrange, UNARRANGED, type Arrangement } from './values';

export interface Arranged {
  spec: Arrangement;
  /** How many rows are shown. */
  count: number;
  /** The number in the result of the row at a place. */
  source: (place: number) => number;
  row: (place: number) => Row | undefined;
  filtered: boolean;
  waiting: boolean;
  sort: (column: number, descending: boolean | null) => void;
  filter: (column: number, text: string) => void;
  clear: () => void;
}

const isPlain = ({ sort, filters }: Arrangement) => !sort && filters.size === 0;

export function useArrangement(result: ResultSet): Arranged {
  const [spec, setSpec] = useState<Arrangement>(UNARRANGED);
  const [rows, setRows] = useState<readonly Row[] | null>(null);
  const plain = isPlain(spec);
  useEffect(() => {
    if (plain || rows) return undefined;
    let current = true;
    // A chunk that cannot be fetched is shown by the page; the rows then stay as they came.
    result.all().then((all) => current && setRows(all), () => current && setSpec(UNARRANGED));
    return () => {
      current = false;
    };
  }, [result, plain, rows]);
  const order = useMemo(() => (rows ? arrange(rows, result.columns, spec) : null), [rows, result, spec]);
  const source = (place: number) => (order ? (order[place] ?? -1) : place);
  return {
    spec,
    count: order ? order.length : result.rowCount,
    source,
    row: (place) => result.row(source(place)),
    filtered: order !== null && order.length < result.rowCount,
    waiting: !plain && !rows,
    sort: (column, descending) =>
      setSpec((old) => ({ filters: old.filters, ...(descending === null ? {} : { sort: { column, descending } }) })),
    filter: (column, text) =>
      setSpec((old) => {
        const filters = new Map(old.filters);
        if (text.trim()) filters.set(column, text);
        else filters.delete(column);
        return { ...old, filters };
      }),
    clear: () => setSpec(UNARRANGED),
  };
}
