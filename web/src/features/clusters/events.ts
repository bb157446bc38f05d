/** What happened to a cluster, in words. */
import type { ClusterEvent } from '../../api/types';
import { plural, titleCase } from '../../lib/format';
import type { IconName } from '../../ui/Icon';
import { endingOf, sizeText } from './state';

interface Kind {
  label: string;
  icon: IconName;
  tone: string;
}

const KINDS: Record<string, Kind> = {
  CREATING: { label: 'Created', icon: 'plus', tone: 'accent' },
  STARTING: { label: 'Starting', icon: 'play', tone: 'warn' },
  RESTARTING: { label: 'Restarting', icon: 'refresh', tone: 'warn' },
  RUNNING: { label: 'Running', icon: 'check', tone: 'ok' },
  EDITED: { label: 'Edited', icon: 'edit', tone: 'accent' },
  RESIZING: { label: 'Resizing', icon: 'host', tone: 'warn' },
  UPSIZE_COMPLETED: { label: 'Resized', icon: 'up', tone: 'ok' },
  NODES_LOST: { label: 'A host was lost', icon: 'warning', tone: 'danger' },
  ADD_NODES_FAILED: { label: 'A host could not be added', icon: 'warning', tone: 'danger' },
  TERMINATING: { label: 'Terminating', icon: 'stop', tone: 'warn' },
  TERMINATED: { label: 'Terminated', icon: 'stop', tone: '' },
  INIT_SCRIPTS_STARTED: { label: 'Running init scripts', icon: 'code', tone: 'warn' },
  INIT_SCRIPTS_FINISHED: { label: 'Init scripts ended', icon: 'code', tone: 'accent' },
  PINNED: { label: 'Pinned', icon: 'star', tone: 'accent' },
  UNPINNED: { label: 'Unpinned', icon: 'star', tone: '' },
};

export const kindOf = (type: string): Kind => KINDS[type] ?? { label: titleCase(type), icon: 'info', tone: '' };

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Names of what an edit changed. */
export function changedFields(before: unknown, after: unknown): string[] {
  if (!isObject(before) || !isObject(after)) return [];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key])).sort();
}

/** What the details add to the kind, in one line. */
export function detailsOf({ type, details }: ClusterEvent): string {
  const parts: string[] = [];
  const reason = details['reason'];
  if (isObject(reason) && typeof reason['code'] === 'string') {
    const ending = endingOf({ code: reason['code'], type: text(reason['type']), parameters: (reason['parameters'] ?? {}) as Record<string, string> });
    parts.push([ending.title, ending.text].filter(Boolean).join(': '));
  }
  const size = details['cluster_size'];
  if (isObject(size)) parts.push(sizeText(size));
  if (type === 'EDITED') {
    const changed = changedFields(details['previous_attributes'], details['attributes']);
    if (changed.length > 0) parts.push(changed.join(', '));
  }
  const workers = details['current_num_workers'];
  if (typeof workers === 'number' && workers > 0) parts.push(plural(workers, 'worker'));
  const user = text(details['user']);
  if (user && !parts.some((part) => part.includes(user))) parts.push(`by ${user}`);
  return parts.join(', ');
}
