/** What stands between sandboxes of a host, and why it is not all. */
import { useId } from 'react';
import { Icon } from '../../ui/Icon';

const LEVELS: Record<string, { label: string; tone: string; text: string }> = {
  full: { label: 'Full', tone: 'ok', text: 'Every layer of isolation holds.' },
  degraded: { label: 'Degraded', tone: 'warn', text: 'A layer is missing, so this host serves one workspace at a time.' },
  none: { label: 'None', tone: 'danger', text: 'Nothing is isolated: for development only.' },
};

export function levelOf(isolation: string): { label: string; tone: string; text: string } {
  const level = LEVELS[isolation.split(/[^a-z]/)[0] ?? ''];
  return level ?? { label: isolation || 'Unknown', tone: '', text: '' };
}

interface BadgeProps {
  isolation: string | undefined;
  reasons: readonly string[];
}

export function IsolationBadge({ isolation, reasons }: BadgeProps) {
  const id = useId();
  if (!isolation) return <span className="muted">–</span>;
  const { label, tone, text } = levelOf(isolation);
  if (reasons.length === 0) {
    return (
      <span className={`badge ${tone}`} title={text}>
        <Icon name="shield" />
        {label}
      </span>
    );
  }
  return (
    <>
      <button type="button" className={`badge badge-button ${tone}`} popoverTarget={id} title="Why it is not full">
        <Icon name="shield" />
        <span className="visually-hidden">Isolation: </span>
        {label}
        <span className="badge-count">
          {reasons.length}
          <span className="visually-hidden"> reasons</span>
        </span>
      </button>
      <div id={id} popover="auto" className="popover" onToggle={(event) => event.newState === 'open' && place(event.currentTarget)}>
        <p>{text}</p>
        <Reasons reasons={reasons} />
      </div>
    </>
  );
}

export function Reasons({ reasons }: { reasons: readonly string[] }) {
  return (
    <ul className="reasons">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

const GAP = 6;

/** Below its button, inside the window. */
export function place(box: HTMLElement): void {
  const anchor = document.querySelector(`[popovertarget="${box.id}"]`)?.getBoundingClientRect();
  if (!anchor) return;
  const { width, height } = box.getBoundingClientRect();
  const below = anchor.bottom + GAP;
  box.style.left = `${Math.max(GAP, Math.min(anchor.left, innerWidth - width - GAP))}px`;
  box.style.top = `${below + height > innerHeight ? Math.max(GAP, anchor.top - GAP - height) : below}px`;
}
