/** Instance pools: hosts kept ready for clusters. */
import { api, as, body, withSignal } from './client';
import type { InstancePool, InstancePoolSpec } from './types';

const AT = '/api/2.0/instance-pools';

export const listPools = async (signal?: AbortSignal) => (await as<{ instance_pools?: InstancePool[] }>(api.GET(`${AT}/list`, withSignal(signal)))).instance_pools ?? [];

export const createPool = async (spec: InstancePoolSpec) => (await as<{ instance_pool_id: string }>(api.POST(`${AT}/create`, { body: spec }))).instance_pool_id;
export const editPool = (instance_pool_id: string, spec: InstancePoolSpec) => body(api.POST(`${AT}/edit`, { body: { ...spec, instance_pool_id } }));
export const deletePool = (instance_pool_id: string) => body(api.POST(`${AT}/delete`, { body: { instance_pool_id } }));
