/** What of the catalog a page shows, and its address. */
import type { SecurableType } from '../../api/types';
import { pathOf, type Params } from '../../lib/router';
import { nodeId, type NodeKind } from './tree/nodes';

export type TargetKind = Exclude<NodeKind, 'column'>;

export interface Target {
  kind: TargetKind;
  /** Catalog, schema, object: as many as there are. */
  path: string[];
}

export const TYPES: Record<TargetKind, SecurableType> = {
  catalog: 'CATALOG',
  schema: 'SCHEMA',
  table: 'TABLE',
  volume: 'VOLUME',
  function: 'FUNCTION',
};

export function targetOf(params: Params): Target | null {
  const { catalog, schema, table, volume, function: name } = params;
  if (!catalog) return null;
  if (!schema) return { kind: 'catalog', path: [catalog] };
  if (volume) return { kind: 'volume', path: [catalog, schema, volume] };
  if (name) return { kind: 'function', path: [catalog, schema, name] };
  return table ? { kind: 'table', path: [catalog, schema, table] } : { kind: 'schema', path: [catalog, schema] };
}

export function targetPath({ kind, path }: Target): string {
  const base = kind === 'volume' ? 'volumes' : kind === 'function' ? 'functions' : 'catalog';
  return pathOf(base, ...path);
}

/** Tree nodes that must be open for the target to be seen. */
export function ancestors({ path }: Target): string[] {
  const [catalog = '', schema = ''] = path;
  const ids: string[] = [];
  if (path.length > 1) ids.push(nodeId('catalog', catalog));
  if (path.length > 2) ids.push(nodeId('schema', catalog, schema));
  return ids;
}

export const fullName = ({ path }: Target): string => path.join('.');
