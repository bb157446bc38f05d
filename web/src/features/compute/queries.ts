/** What the pages of compute read, and how often: while they are looked at, and no longer. */
import { queryOptions } from '@tanstack/react-query';
import * as compute from '../../api/compute';

/** As often as hosts tell what their sandboxes use, or somewhat more. */
const SANDBOXES_MS = 5000;
const HOSTS_MS = 5000;

export const sandboxesQuery = (filter: compute.SandboxFilter) =>
  queryOptions({
    queryKey: ['sandboxes', filter],
    queryFn: ({ signal }) => compute.listSandboxes(filter, signal),
    refetchInterval: SANDBOXES_MS,
  });

export const hostsQuery = queryOptions({
  queryKey: ['hosts'],
  queryFn: ({ signal }) => compute.listHosts(signal),
  refetchInterval: HOSTS_MS,
});
