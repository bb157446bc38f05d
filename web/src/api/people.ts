/** Users, groups and service principals (SCIM), and a service principal's OAuth secrets. */
import { api, as, body, withSignal } from './client';
import type { components } from './schema';
import type { ScimGroup, ScimServicePrincipal, ScimUser, ServicePrincipalSecret } from './types';

const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PRINCIPAL_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal';
const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const PAGE = 200;
const PAGES_MAX = 50;

const USERS = '/api/2.0/preview/scim/v2/Users';
const GROUPS = '/api/2.0/preview/scim/v2/Groups';
const PRINCIPALS = '/api/2.0/preview/scim/v2/ServicePrincipals';
type Collection = typeof USERS | typeof GROUPS | typeof PRINCIPALS;

/** The id of the account: its people. Nothing: those of the workspace. */
export type Scope = string | undefined;

/** The account has the same calls as a workspace, under a path of its own. */
const of = <P extends string>(scope: Scope, path: P): P =>
  scope === undefined
    ? path
    : (path
        .replace('/api/2.0/preview/', `/api/2.0/accounts/${encodeURIComponent(scope)}/`)
        .replace('/api/2.0/accounts/servicePrincipals/', `/api/2.0/accounts/${encodeURIComponent(scope)}/servicePrincipals/`) as P);

interface ScimPage<T> {
  totalResults?: number;
  Resources?: T[];
}

async function listAll<T>(path: Collection, signal?: AbortSignal): Promise<T[]> {
  const all: T[] = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { startIndex: all.length + 1, count: PAGE };
    const answer = await as<ScimPage<T>>(api.GET(path, { params: { query }, ...withSignal(signal) }));
    const rows = answer.Resources ?? [];
    all.push(...rows);
    if (rows.length === 0 || all.length >= (answer.totalResults ?? 0)) break;
  }
  return all;
}

const at = (id: string) => ({ params: { path: { id } } });
/** A patch's value is any JSON, which the description cannot say; nor does it list the schemas of SCIM. */
const patch = (op: string, path: string, value?: unknown) => ({
  body: {
    schemas: [PATCH_SCHEMA],
    Operations: [{ op, path, ...(value === undefined ? {} : { value }) }],
  } as components['schemas']['ScimPatch'],
});

export const listUsers = (signal?: AbortSignal, scope?: Scope) => listAll<ScimUser>(of(scope, USERS), signal);
export const listGroups = (signal?: AbortSignal, scope?: Scope) => listAll<ScimGroup>(of(scope, GROUPS), signal);
export const listServicePrincipals = (signal?: AbortSignal, scope?: Scope) => listAll<ScimServicePrincipal>(of(scope, PRINCIPALS), signal);

export const createUser = (user: { userName: string; displayName: string; password: string }, scope?: Scope) =>
  body(api.POST(of(scope, USERS), { body: { schemas: [USER_SCHEMA], active: true, ...user } }));
export const deleteUser = (id: string, scope?: Scope) => body(api.DELETE(of(scope, `${USERS}/{id}`), at(id)));
export const setUserActive = (id: string, active: boolean, scope?: Scope) =>
  body(api.PATCH(of(scope, `${USERS}/{id}`), { ...at(id), ...patch('replace', 'active', active) }));

const ACCOUNT_ADMIN = 'account_admin';
export const isAccountAdmin = ({ roles }: Pick<ScimUser, 'roles'>): boolean => roles?.some(({ value }) => value === ACCOUNT_ADMIN) ?? false;
/** Of an account alone. */
export const setAccountAdmin = (id: string, on: boolean, scope: string) =>
  body(api.PATCH(of(scope, `${USERS}/{id}`), { ...at(id), ...patch('replace', 'roles', on ? [{ value: ACCOUNT_ADMIN }] : []) }));

export const createGroup = (displayName: string, scope?: Scope) =>
  body(api.POST(of(scope, GROUPS), { body: { schemas: [GROUP_SCHEMA], displayName } }));
export const deleteGroup = (id: string, scope?: Scope) => body(api.DELETE(of(scope, `${GROUPS}/{id}`), at(id)));
export const addMember = (group: string, member: string, scope?: Scope) =>
  body(api.PATCH(of(scope, `${GROUPS}/{id}`), { ...at(group), ...patch('add', 'members', [{ value: member }]) }));
export const removeMember = (group: string, member: string, scope?: Scope) =>
  body(api.PATCH(of(scope, `${GROUPS}/{id}`), { ...at(group), ...patch('remove', `members[value eq "${member}"]`) }));

export const createServicePrincipal = (displayName: string, scope?: Scope) =>
  body(api.POST(of(scope, PRINCIPALS), { body: { schemas: [PRINCIPAL_SCHEMA], displayName, active: true } }));
export const deleteServicePrincipal = (id: string, scope?: Scope) => body(api.DELETE(of(scope, `${PRINCIPALS}/{id}`), at(id)));

const SECRETS = '/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets';

export const listSecrets = async (id: string, signal?: AbortSignal, scope?: Scope) =>
  (await as<{ secrets?: ServicePrincipalSecret[] }>(api.GET(of(scope, SECRETS), { ...at(id), ...withSignal(signal) }))).secrets ?? [];
export const createSecret = (id: string, lifetimeSeconds: number, scope?: Scope) =>
  as<ServicePrincipalSecret>(api.POST(of(scope, SECRETS), { ...at(id), body: { lifetime: `${lifetimeSeconds}s` } }));
export const deleteSecret = (id: string, secret_id: string, scope?: Scope) =>
  body(api.DELETE(of(scope, `${SECRETS}/{secret_id}`), { params: { path: { id, secret_id } } }));
