/** The catalog tree with its search field; used by the SQL editor and the catalog explorer. */
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { IconButton } from '../../../ui/Button';
import { SearchField } from '../../../ui/Fields';
import { Tree, type TreeItem } from '../../../ui/Tree';
import { readStored, writeStored } from '../../../lib/storage';
import { buildTree, parseNodeId, type NodeKind } from './nodes';
import { useCatalogData } from './useCatalogData';

export interface CatalogTreeProps {
  label: string;
  storageKey: string;
  selected?: string | null;
  /** Nodes that must be open, such as the ancestors of the page shown. */
  reveal?: readonly string[];
  columns?: boolean;
  onActivate: (kind: NodeKind, path: string[], toggle: () => void) => void;
  action?: { label: string; run: (kind: NodeKind, path: string[]) => void };
  tools?: ReactNode;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

export function CatalogTree(props: CatalogTreeProps) {
  const { label, storageKey, selected = null, reveal = [], columns = false, onActivate, action, tools } = props;
  const client = useQueryClient();
  const [search, setSearch] = useState('');
  const [opened, setOpened] = useState(() => new Set(readStored(storageKey, [], isTexts)));
  const [shown, setShown] = useState('');
  const revealKey = reveal.join('|');
  if (revealKey !== shown) {
    setShown(revealKey);
    if (reveal.some((id) => !opened.has(id))) setOpened(new Set([...opened, ...reveal]));
  }
  const data = useCatalogData(opened, search.trim() !== '');
  const items = useMemo(() => buildTree(data, { expanded: opened, search, columns }), [data, opened, search, columns]);
  const toggle = (item: Pick<TreeItem, 'id'>, open: boolean) => {
    const next = new Set(opened);
    if (open) next.add(item.id);
    else next.delete(item.id);
    setOpened(next);
    writeStored(storageKey, [...next]);
  };
  const activate = (item: TreeItem) => {
    const node = parseNodeId(item.id);
    if (node) onActivate(node.kind, node.path, () => toggle(item, !item.expanded));
  };
  const act = action && {
    label: action.label,
    run: (item: TreeItem) => {
      const node = parseNodeId(item.id);
      if (node) action.run(node.kind, node.path);
    },
  };
  return (
    <div className="tree-panel">
      <div className="tree-panel-head">
        <SearchField label="Search catalogs" small value={search} onChange={(event) => setSearch(event.target.value)} />
        <IconButton
          icon="refresh"
          label="Reload the catalog"
          onClick={() => void client.invalidateQueries({ queryKey: ['uc'] })}
        />
        {tools}
      </div>
      <div className="tree-panel-body">
        <Tree
          label={label}
          items={items}
          selected={selected}
          onToggle={toggle}
          onActivate={activate}
          {...(act ? { action: act } : {})}
        />
      </div>
    </div>
  );
}
