/** Who may do what with a warehouse (object permissions). */
import { api, as, withSignal } from './client';
import type { AccessControl, AccessControlRequest, ObjectPermissions, PermissionLevel } from './types';

const PATH = '/api/2.0/permissions/{object_type}/{object_id}';
const at = (object_id: string) => ({ params: { path: { object_type: 'warehouses', object_id } } });

export const getWarehousePermissions = (id: string, signal?: AbortSignal) =>
  as<ObjectPermissions>(api.GET(PATH, { ...at(id), ...withSignal(signal) }));

export const getWarehouseLevels = async (id: string, signal?: AbortSignal) =>
  (await as<{ permission_levels?: PermissionLevel[] }>(api.GET(`${PATH}/permissionLevels`, { ...at(id), ...withSignal(signal) })))
    .permission_levels ?? [];

/** Adds a level, or changes the one somebody has. */
export const grantWarehouse = (id: string, access_control_list: AccessControlRequest[]) =>
  as<ObjectPermissions>(api.PATCH(PATH, { ...at(id), body: { access_control_list } }));

/** Sets all that was given directly; what is not named is taken away. */
export const setWarehousePermissions = (id: string, access_control_list: AccessControlRequest[]) =>
  as<ObjectPermissions>(api.PUT(PATH, { ...at(id), body: { access_control_list } }));

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
