/** Start, stop and delete, with the list brought up to date after each. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { warehousesQuery } from '../../app/data';
import * as api from '../../api/warehouses';
import { toastError } from '../../ui/Toasts';

export function useWarehouseActions() {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: warehousesQuery.queryKey });
  const options = { onSettled: refresh, onError: toastError };
  const start = useMutation({ mutationFn: api.startWarehouse, ...options });
  const stop = useMutation({ mutationFn: api.stopWarehouse, ...options });
  return { start, stop, refresh };
}
