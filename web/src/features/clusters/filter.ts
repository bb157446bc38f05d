/** Which clusters of the list are shown. */
import type { ListedCluster } from '../../api/clusters';

export type Shown = 'all' | 'mine' | 'active' | 'pinned';

export function filterClusters(list: readonly ListedCluster[], { text, shown, me }: { text: string; shown: Shown; me: string }): ListedCluster[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((one) => {
    const kept =
      shown === 'all' ||
      (shown === 'mine' && one.creator_user_name === me) ||
      (shown === 'pinned' && one.pinned) ||
      (shown === 'active' && one.state !== 'TERMINATED' && one.state !== 'ERROR');
    const tags = Object.entries(one.custom_tags ?? {}).map(([key, value]) => `${key}:${value}`);
    const full = [one.cluster_name, one.cluster_id, one.creator_user_name, ...tags].join(' ').toLowerCase();
    return kept && words.every((word) => full.includes(word));
  });
}
