/** Start, restart, terminate and pin, with the list brought up to date after each. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import * as api from '../../api/clusters';
import { toastError } from '../../ui/Toasts';
import { clustersQuery } from './queries';

export function useClusterActions() {
  const client = useQueryClient();
  const refresh = async () => {
    await Promise.all([client.invalidateQueries({ queryKey: clustersQuery.queryKey }), client.invalidateQueries({ queryKey: ['cluster-events'] })]);
  };
  const options = { onSettled: refresh, onError: toastError };
  const start = useMutation({ mutationFn: api.startCluster, ...options });
  const restart = useMutation({ mutationFn: api.restartCluster, ...options });
  const terminate = useMutation({ mutationFn: api.terminateCluster, ...options });
  const pin = useMutation({ mutationFn: ({ id, on }: { id: string; on: boolean }) => (on ? api.pinCluster(id) : api.unpinCluster(id)), ...options });
  return { start, restart, terminate, pin, refresh };
}
