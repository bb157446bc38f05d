/** Who there is: read by several pages, but not by the first that is looked at. */
import { queryOptions } from '@tanstack/react-query';
import * as people from '../api/people';

/** Of the account when one is named, else of the workspace. */
export const usersOf = (scope: people.Scope) =>
  queryOptions({ queryKey: ['users', ...(scope ? [scope] : [])], queryFn: ({ signal }) => people.listUsers(signal, scope) });
export const groupsOf = (scope: people.Scope) =>
  queryOptions({ queryKey: ['groups', ...(scope ? [scope] : [])], queryFn: ({ signal }) => people.listGroups(signal, scope) });
export const servicePrincipalsOf = (scope: people.Scope) =>
  queryOptions({ queryKey: ['service-principals', ...(scope ? [scope] : [])], queryFn: ({ signal }) => people.listServicePrincipals(signal, scope) });

export const usersQuery = usersOf(undefined);
export const groupsQuery = groupsOf(undefined);
export const servicePrincipalsQuery = servicePrincipalsOf(undefined);
