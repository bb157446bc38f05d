/** The plan profile as rows: an operator per row, with its share of the time. */
import type { PlanNode } from '../../api/types';

export interface PlanRow {
  node: PlanNode;
  /** What the operator does, without its name in front. */
  detail: string;
  /** The place in the tree: '0', '0.0', '0.1'. */
  id: string;
  depth: number;
  hasChildren: boolean;
  /** 0 to 1 of the longest operator. */
  share: number;
}

export function planRows(root: PlanNode, closed: ReadonlySet<string>): PlanRow[] {
  const longest = Math.max(1e-9, longestOf(root));
  const rows: PlanRow[] = [];
  const walk = (node: PlanNode, id: string, depth: number) => {
    const children = node.children ?? [];
    const detail = (node.detail ?? '').replace(/^\w+Exec(: |$)/, '');
    rows.push({ node, detail, id, depth, hasChildren: children.length > 0, share: (node.elapsed_ms ?? 0) / longest });
    if (!closed.has(id)) children.forEach((child, index) => walk(child, `${id}.${index}`, depth + 1));
  };
  walk(root, '0', 0);
  return rows;
}

function longestOf(node: PlanNode): number {
  return Math.max(node.elapsed_ms ?? 0, ...(node.children ?? []).map(longestOf));
}
