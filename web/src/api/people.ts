/** Users, groups and service principals (SCIM), and a service principal's OAuth secrets. */
import { send } from './http';
import type { ScimGroup, ScimServicePrincipal, ScimUser, ServicePrincipalSecret } from './types';

const SCIM = '/api/2.0/preview/scim/v2';
const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PRINCIPAL_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal';
const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const PAGE = 200;
const PAGES_MAX = 50;

interface ScimPage<T> {
  totalResults?: number;
  Resources?: T[];
}

async function listAll<T>(resource: string, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await send<ScimPage<T>>('GET', `${SCIM}/${resource}`, {
      query: { startIndex: all.length + 1, count: PAGE },
      signal,
    });
    const rows = answer.Resources ?? [];
    all.push(...rows);
    if (rows.length === 0 || all.length >= (answer.totalResults ?? 0)) break;
  }
  return all;
}

const one = (resource: string, id: string) => `${SCIM}/${resource}/${encodeURIComponent(id)}`;

export const getMe = (signal?: AbortSignal) => send<ScimUser>('GET', `${SCIM}/Me`, { signal });
export const listUsers = (signal?: AbortSignal) => listAll<ScimUser>('Users', signal);
export const listGroups = (signal?: AbortSignal) => listAll<ScimGroup>('Groups', signal);
export const listServicePrincipals = (signal?: AbortSignal) =>
  listAll<ScimServicePrincipal>('ServicePrincipals', signal);

export const createUser = (user: { userName: string; displayName: string; password: string }) =>
  send<ScimUser>('POST', `${SCIM}/Users`, { body: { schemas: [USER_SCHEMA], active: true, ...user } });
export const deleteUser = (id: string) => send<unknown>('DELETE', one('Users', id));
export const setUserActive = (id: string, active: boolean) =>
  send<unknown>('PATCH', one('Users', id), {
    body: { schemas: [PATCH_SCHEMA], Operations: [{ op: 'replace', path: 'active', value: active }] },
  });

export const createGroup = (displayName: string) =>
  send<ScimGroup>('POST', `${SCIM}/Groups`, { body: { schemas: [GROUP_SCHEMA], displayName } });
export const deleteGroup = (id: string) => send<unknown>('DELETE', one('Groups', id));
export const addMember = (group: string, member: string) =>
  send<unknown>('PATCH', one('Groups', group), {
    body: {
      schemas: [PATCH_SCHEMA],
      Operations: [{ op: 'add', path: 'members', value: [{ value: member }] }],
    },
  });
export const removeMember = (group: string, member: string) =>
  send<unknown>('PATCH', one('Groups', group), {
    body: { schemas: [PATCH_SCHEMA], Operations: [{ op: 'remove', path: `members[value eq "${member}"]` }] },
  });

export const createServicePrincipal = (displayName: string) =>
  send<ScimServicePrincipal>('POST', `${SCIM}/ServicePrincipals`, {
    body: { schemas: [PRINCIPAL_SCHEMA], displayName, active: true },
  });
export const deleteServicePrincipal = (id: string) => send<unknown>('DELETE', one('ServicePrincipals', id));

const secrets = (id: string) =>
  `/api/2.0/accounts/servicePrincipals/${encodeURIComponent(id)}/credentials/secrets`;

export const listSecrets = async (id: string, signal?: AbortSignal) =>
  (await send<{ secrets?: ServicePrincipalSecret[] }>('GET', secrets(id), { signal })).secrets ?? [];
export const createSecret = (id: string, lifetimeSeconds: number) =>
  send<ServicePrincipalSecret>('POST', secrets(id), { body: { lifetime: `${lifetimeSeconds}s` } });
export const deleteSecret = (id: string, secret: string) =>
  send<unknown>('DELETE', `${secrets(id)}/${encodeURIComponent(secret)}`);
