/** The warehouse that runs this browser's statements: chosen once, used by every page. */
import { useQuery } from '@tanstack/react-query';
import { warehousesQuery } from '../../app/data';
import { createStore, useStore } from '../../lib/store';
import { readStored, writeStored } from '../../lib/storage';
import type { Warehouse } from '../../api/types';

const KEY = 'biplane.warehouse';
const isText = (value: unknown): value is string => typeof value === 'string';
const chosen = createStore<string>(readStored(KEY, '', isText), (id) => writeStored(KEY, id));

export function chooseWarehouse(id: string): void {
  chosen.set(() => id);
}

/** The chosen one while it exists, else a running one, else the first. */
export function pickWarehouse(list: readonly Warehouse[], wanted: string): Warehouse | undefined {
  return list.find(({ id }) => id === wanted) ?? list.find(({ state }) => state === 'RUNNING') ?? list[0];
}

export interface WarehouseChoice {
  warehouse: Warehouse | undefined;
  list: readonly Warehouse[] | undefined;
  error: unknown;
}

export function useWarehouse(): WarehouseChoice {
  const wanted = useStore(chosen);
  const { data, error } = useQuery(warehousesQuery);
  return { warehouse: data ? pickWarehouse(data, wanted) : undefined, list: data, error };
}
