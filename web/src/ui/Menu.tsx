/** A menu button. The popover API closes it on Escape and outside clicks; arrows move in it. */
import { useId, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { Icon, type IconName } from './Icon';

export interface MenuAction {
  label: string;
  icon?: IconName;
  onSelect: () => void;
  danger?: boolean;
  disabled?: boolean;
}

interface MenuProps {
  label: string;
  actions: readonly MenuAction[];
  children: ReactNode;
  className?: string;
  align?: 'start' | 'end';
}

const GAP = 4;

export function Menu({ label, actions, children, className = 'button ghost icon small', align = 'end' }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  const place = () => {
    const anchor = button.current?.getBoundingClientRect();
    const box = menu.current?.getBoundingClientRect();
    if (!anchor || !box || !menu.current) return;
    const left = align === 'end' ? anchor.right - box.width : anchor.left;
    const below = anchor.bottom + GAP;
    const top = below + box.height > innerHeight ? anchor.top - GAP - box.height : below;
    menu.current.style.left = `${Math.max(GAP, Math.min(left, innerWidth - box.width - GAP))}px`;
    menu.current.style.top = `${Math.max(GAP, top)}px`;
    menu.current.querySelector<HTMLElement>('button:enabled')?.focus();
  };
  const move = (event: KeyboardEvent) => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>('button:enabled') ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const target: Record<string, number> = {
      ArrowDown: (at + 1) % items.length,
      ArrowUp: (at - 1 + items.length) % items.length,
      Home: 0,
      End: items.length - 1,
    };
    const next = target[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[next]?.focus();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        className={className}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        popoverTarget={id}
        onClick={(event) => event.stopPropagation()}
      >
        {children}
      </button>
      <div
        ref={menu}
        id={id}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onToggle={(event) => event.newState === 'open' && place()}
        onKeyDown={move}
        onClick={(event) => event.stopPropagation()}
      >
        {actions.map((action) => (
          <button
            key={action.label}
            type="button"
            role="menuitem"
            className={action.danger ? 'menu-item danger' : 'menu-item'}
            disabled={action.disabled ?? false}
            onClick={() => {
              menu.current?.hidePopover();
              button.current?.focus();
              action.onSelect();
            }}
          >
            {action.icon && <Icon name={action.icon} />}
            {action.label}
          </button>
        ))}
      </div>
    </>
  );
}
