/** Attempts of the same kind as one line. */
import type { OutboundAccess } from '../../api/types';

export interface AccessGroup {
  key: string;
  /** The newest of them. */
  last: OutboundAccess;
  count: number;
  first: number;
  ports: number[];
  warehouses: string[];
  code: boolean;
}

/** `accesses` come newest first, and so do the groups. */
export function groupsOf(accesses: readonly OutboundAccess[]): AccessGroup[] {
  const groups = new Map<string, AccessGroup>();
  for (const access of accesses) {
    const { destination, destination_type, outcome, reason, warehouse_id, port, suppressed, event_time } = access;
    const key = [outcome, destination_type, destination, reason].join(' ');
    const group = groups.get(key) ?? { key, last: access, count: 0, first: event_time, ports: [], warehouses: [], code: false };
    group.count += 1 + suppressed;
    group.first = Math.min(group.first, event_time);
    if (port > 0 && !group.ports.includes(port)) group.ports.push(port);
    if (!warehouse_id) group.code = true;
    else if (!group.warehouses.includes(warehouse_id)) group.warehouses.push(warehouse_id);
    groups.set(key, group);
  }
  return [...groups.values()];
}
