/** Cluster policies, their families, and whether clusters keep to them. */
import { api, as, body, withSignal } from './client';
import { allPages } from './http';
import type { Compliance, Policy, PolicyFamily, PolicySpec, SettingsChange } from './types';

const PAGE = 100;
const AT = '/api/2.0/policies/clusters';

export const listPolicies = async (signal?: AbortSignal) =>
  (await as<{ policies?: Policy[] }>(api.GET(`${AT}/list`, { params: { query: { sort_column: 'POLICY_NAME', sort_order: 'ASC' } }, ...withSignal(signal) }))).policies ?? [];

export const listFamilies = async (signal?: AbortSignal) =>
  (await as<{ policy_families?: PolicyFamily[] }>(api.GET('/api/2.0/policy-families', { params: { query: { max_results: PAGE } }, ...withSignal(signal) }))).policy_families ?? [];

export const createPolicy = async (spec: PolicySpec) => (await as<{ policy_id: string }>(api.POST(`${AT}/create`, { body: spec }))).policy_id;
/** Says all of it: what is not named goes. */
export const editPolicy = (policy_id: string, spec: PolicySpec) => body(api.POST(`${AT}/edit`, { body: { ...spec, policy_id } }));
export const deletePolicy = (policy_id: string) => body(api.POST(`${AT}/delete`, { body: { policy_id } }));

export type ClusterCompliance = Compliance & { cluster_id: string };

export const listCompliance = (policy_id: string, signal?: AbortSignal) =>
  allPages(
    (page_token) =>
      as<{ clusters?: ClusterCompliance[]; next_page_token?: string }>(
        api.GET(`${AT}/list-compliance`, { params: { query: { policy_id, page_size: PAGE, ...(page_token ? { page_token } : {}) } }, ...withSignal(signal) }),
      ),
    (page) => page.clusters,
  );

export interface Enforced {
  has_changes: boolean;
  changes: SettingsChange[];
}

export const enforceCompliance = (cluster_id: string, validate_only: boolean) =>
  as<Enforced>(api.POST(`${AT}/enforce-compliance`, { body: { cluster_id, validate_only } }));
