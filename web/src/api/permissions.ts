/** Who may do what with an object of the workspace: a warehouse, a cluster. */
import { api, as, withSignal } from './client';
import type { AccessControl, AccessControlRequest, ObjectPermissions, PermissionLevel } from './types';

const PATH = '/api/2.0/permissions/{object_type}/{object_id}';

export interface PermittedObject {
  type: 'warehouses' | 'clusters' | 'cluster-policies' | 'instance-pools' | 'directories' | 'notebooks' | 'files';
  id: string;
}

const at = ({ type, id }: PermittedObject) => ({ params: { path: { object_type: type, object_id: id } } });

export const getPermissions = (object: PermittedObject, signal?: AbortSignal) =>
  as<ObjectPermissions>(api.GET(PATH, { ...at(object), ...withSignal(signal) }));

export const getPermissionLevels = async (object: PermittedObject, signal?: AbortSignal) =>
  (await as<{ permission_levels?: PermissionLevel[] }>(api.GET(`${PATH}/permissionLevels`, { ...at(object), ...withSignal(signal) })))
    .permission_levels ?? [];

/** Adds a level, or changes the one somebody has. */
export const grantPermission = (object: PermittedObject, access_control_list: AccessControlRequest[]) =>
  as<ObjectPermissions>(api.PATCH(PATH, { ...at(object), body: { access_control_list } }));

/** Sets all that was given directly; what is not named is taken away. */
export const setPermissions = (object: PermittedObject, access_control_list: AccessControlRequest[]) =>
  as<ObjectPermissions>(api.PUT(PATH, { ...at(object), body: { access_control_list } }));

export type PrincipalKind = 'group_name' | 'user_name' | 'service_principal_name';

export interface Entry {
  kind: PrincipalKind;
  name: string;
  label: string;
  level: string;
  /** Where it comes from, when it was not given here. */
  inheritedFrom: string | undefined;
}

/** One line for each level somebody has, with where it comes from. */
export function entriesOf(list: readonly AccessControl[]): Entry[] {
  return list.flatMap((one) => {
    const kind: PrincipalKind = one.group_name ? 'group_name' : one.user_name ? 'user_name' : 'service_principal_name';
    const name = one[kind] ?? '';
    return one.all_permissions.map(({ permission_level, inherited, inherited_from_object }) => ({
      kind,
      name,
      label: one.display_name && one.display_name !== name ? one.display_name : '',
      level: permission_level,
      inheritedFrom: inherited ? (inherited_from_object?.[0] ?? 'above') : undefined,
    }));
  });
}

export const requestOf = ({ kind, name, level }: Pick<Entry, 'kind' | 'name' | 'level'>): AccessControlRequest => ({
  [kind]: name,
  permission_level: level,
});
