/** A tree per WAI-ARIA: one tab stop, arrows move and open, typing finds. Draws only what is in view. */
import { useEffect, useRef, useState, type KeyboardEvent, type MouseEvent } from 'react';
import { useElementSize } from '../lib/useElementSize';
import { IconButton } from './Button';
import { Icon, type IconName } from './Icon';
import './tree.css';

export interface TreeItem {
  id: string;
  parent: string | null;
  label: string;
  /** Text behind the label, such as a column's type. */
  note?: string | undefined;
  icon: IconName | 'spinner' | 'error';
  level: number;
  expandable: boolean;
  expanded: boolean;
  /** A line that says something (loading, empty, failed) and is no thing itself. */
  info?: boolean;
}

interface TreeProps {
  label: string;
  items: readonly TreeItem[];
  selected?: string | null;
  onToggle: (item: TreeItem, open: boolean) => void;
  onActivate: (item: TreeItem) => void;
  /** A second action, shown when the pointer or the focus is on the item. */
  action?: { label: string; run: (item: TreeItem) => void };
}

export const TREE_ROW = 26;
const OVERSCAN = 8;
const TYPE_MS = 700;

export function Tree({ label, items, selected = null, onToggle, onActivate, action }: TreeProps) {
  const [sizeRef, , height] = useElementSize();
  const [scrollTop, setScrollTop] = useState(0);
  const [focused, setFocused] = useState<Pick<TreeItem, 'id' | 'parent'> | null>(null);
  const box = useRef<HTMLDivElement | null>(null);
  const typed = useRef({ text: '', at: 0 });
  // An item that went away, such as a line that said Loading, hands the focus to its parent.
  const present = (id: string | null | undefined) => (items.some((item) => item.id === id) ? id : undefined);
  const currentId = present(focused?.id) ?? present(focused?.parent) ?? present(selected) ?? items[0]?.id ?? null;
  const currentIndex = items.findIndex((item) => item.id === currentId);

  const reveal = (index: number) => {
    const element = box.current;
    if (!element) return;
    const top = index * TREE_ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + TREE_ROW > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + TREE_ROW - element.clientHeight;
    }
  };
  const selectedIndex = items.findIndex((item) => item.id === selected);
  useEffect(() => {
    if (selectedIndex >= 0) reveal(selectedIndex);
  }, [selectedIndex]);

  const focusAt = (index: number) => {
    const item = items[Math.max(0, Math.min(index, items.length - 1))];
    if (!item) return;
    setFocused(item);
    reveal(items.indexOf(item));
  };
  const find = (key: string) => {
    const now = Date.now();
    const text = now - typed.current.at < TYPE_MS ? typed.current.text + key : key;
    typed.current = { text, at: now };
    const start = text.length === 1 ? currentIndex + 1 : currentIndex;
    const order = [...items.slice(start), ...items.slice(0, start)];
    const hit = order.find((item) => item.label.toLowerCase().startsWith(text.toLowerCase()));
    if (hit) focusAt(items.indexOf(hit));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const item = items[currentIndex];
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const parent = items.findIndex((other) => other.id === item.parent);
    const actions: Record<string, () => void> = {
      ArrowDown: () => focusAt(currentIndex + 1),
      ArrowUp: () => focusAt(currentIndex - 1),
      Home: () => focusAt(0),
      End: () => focusAt(items.length - 1),
      ArrowRight: () => (item.expandable && !item.expanded ? onToggle(item, true) : item.expanded && focusAt(currentIndex + 1)),
      ArrowLeft: () => (item.expanded ? onToggle(item, false) : parent >= 0 && focusAt(parent)),
      Enter: () => !item.info && onActivate(item),
      ' ': () => !item.info && (action ? action.run(item) : onActivate(item)),
    };
    const act = actions[event.key];
    if (act) {
      typed.current.at = 0;
      act();
    } else if (event.key.length === 1 && event.key !== '?') find(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const click = (event: MouseEvent, item: TreeItem) => {
    setFocused(item);
    if (item.info) return;
    if ((event.target as Element).closest('.tree-toggle') && item.expandable) onToggle(item, !item.expanded);
    else onActivate(item);
  };

  const from = Math.max(0, Math.floor(scrollTop / TREE_ROW) - OVERSCAN);
  const to = Math.min(items.length, Math.ceil((scrollTop + Math.max(height, 200)) / TREE_ROW) + OVERSCAN);
  const domId = (id: string) => `tree-${label.replaceAll(' ', '-')}-${id}`;
  return (
    <div
      className="tree"
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={currentId ? domId(currentId) : undefined}
      ref={(element) => {
        box.current = element;
        return sizeRef(element);
      }}
      onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: items.length * TREE_ROW, position: 'relative' }} role="presentation">
        {items.slice(from, to).map((item, offset) => (
          <div
            key={item.id}
            id={domId(item.id)}
            role="treeitem"
            aria-label={item.note ? `${item.label}, ${item.note}` : item.label}
            aria-level={item.level}
            aria-expanded={item.expandable ? item.expanded : undefined}
            aria-selected={item.id === selected}
            className={`tree-item ${item.id === currentId ? 'current' : ''} ${item.info ? 'info' : ''}`}
            style={{ top: (from + offset) * TREE_ROW, height: TREE_ROW, paddingLeft: 4 + (item.level - 1) * 15 }}
            onClick={(event) => click(event, item)}
          >
            <span className="tree-toggle" aria-hidden="true">
              {item.expandable && <Icon name="chevron" className={item.expanded ? 'open' : ''} />}
            </span>
            {item.icon === 'spinner' ? (
              <span className="spinner" aria-hidden="true" />
            ) : (
              <Icon name={item.icon === 'error' ? 'warning' : item.icon} className="tree-icon" />
            )}
            <span className="truncate" title={item.label}>
              {item.label}
            </span>
            {item.note && <span className="tree-note">{item.note}</span>}
            {action && !item.info && (
              <IconButton
                icon="plus"
                label={`${action.label} ${item.label}`}
                className="tree-action"
                tabIndex={-1}
                onClick={(event) => {
                  event.stopPropagation();
                  action.run(item);
                }}
              />
            )}
          </div>
        ))}
      </div>
    </div>
  );
}
