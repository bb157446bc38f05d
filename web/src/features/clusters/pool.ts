/** A pool as a form holds it, and what its numbers say. */
import type { InstancePool, InstancePoolSpec, Tag } from '../../api/types';
import { plural } from '../../lib/format';
import type { Availability } from './draft';

export interface PoolDraft {
  name: string;
  nodeType: string;
  least: string;
  /** Empty: no limit. */
  most: string;
  minutes: string;
  availability: Availability;
  tags: Tag[];
}

export const newPool = (nodeType: string): PoolDraft => ({ name: '', nodeType, least: '0', most: '', minutes: '60', availability: 'ON_DEMAND', tags: [] });

export const poolDraft = (pool: InstancePool): PoolDraft => ({
  name: pool.instance_pool_name ?? '',
  nodeType: pool.node_type_id ?? '',
  least: String(pool.min_idle_instances ?? 0),
  most: pool.max_capacity ? String(pool.max_capacity) : '',
  minutes: String(pool.idle_instance_autotermination_minutes ?? 60),
  availability: (pool.aws_attributes?.availability as Availability | undefined) ?? 'ON_DEMAND',
  tags: Object.entries(pool.custom_tags ?? {}).map(([key, value]) => ({ key, value })),
});

const whole = (text: string) => (/^\d{1,6}$/.test(text.trim()) ? Number(text) : NaN);

export type PoolProblems = Partial<Record<'name' | 'nodeType' | 'least' | 'most' | 'minutes', string>>;

export function poolProblems(draft: PoolDraft): PoolProblems {
  const [least, most, minutes] = [whole(draft.least), whole(draft.most), whole(draft.minutes)];
  const limited = draft.most.trim() !== '';
  return {
    ...(!draft.name.trim() && { name: 'Say what it is called.' }),
    ...(!draft.nodeType && { nodeType: 'Choose one.' }),
    ...(!(least <= 100) && { least: 'From 0 to 100.' }),
    ...(limited && !(most >= 1 && most <= 10_000 && !(most < least)) && { most: 'At least 1 and as many as are kept idle, or nothing for no limit.' }),
    ...(!(minutes <= 10_000) && { minutes: 'From 0 to 10000.' }),
  };
}

/** All that can be said of a pool; of one that is there, only what may change. */
export function poolSpec(draft: PoolDraft, aws: boolean, edits: boolean): InstancePoolSpec {
  const tags = Object.fromEntries(draft.tags.filter(({ key }) => key.trim()).map(({ key, value }) => [key.trim(), value.trim()]));
  return {
    instance_pool_name: draft.name.trim(),
    node_type_id: draft.nodeType,
    min_idle_instances: whole(draft.least),
    idle_instance_autotermination_minutes: whole(draft.minutes),
    ...(draft.most.trim() ? { max_capacity: whole(draft.most) } : {}),
    ...(Object.keys(tags).length > 0 ? { custom_tags: tags } : {}),
    ...(aws && !edits ? { aws_attributes: { availability: draft.availability } } : {}),
  };
}

/** Used, idle and on their way, of as many as there may be. */
export function usageText({ stats, max_capacity: most }: Pick<InstancePool, 'stats' | 'max_capacity'>): string {
  const pending = stats.pending_idle_count + stats.pending_used_count;
  const parts = [`${stats.used_count} in use`, `${stats.idle_count} idle`, pending > 0 ? `${pending} on the way` : ''].filter(Boolean);
  return parts.join(', ') + (most ? ` of ${plural(most, 'host')}` : '');
}

/** Why the last hosts could not be had, each reason once. */
export const problemsOfHosts = ({ status }: Pick<InstancePool, 'status'>): string[] => [...new Set((status.pending_instance_errors ?? []).map(({ message }) => message))];
