/** Suggestions for a principal field: users, groups and service principals, as far as they may be listed. */
import { useQuery } from '@tanstack/react-query';
import { groupsQuery, servicePrincipalsQuery, usersQuery } from '../../app/people';

export const PRINCIPALS_ID = 'principals';

export function PrincipalList() {
  const users = useQuery({ ...usersQuery, retry: false });
  const groups = useQuery({ ...groupsQuery, retry: false });
  const services = useQuery({ ...servicePrincipalsQuery, retry: false });
  return (
    <datalist id={PRINCIPALS_ID}>
      <option value="account users">Everybody</option>
      {groups.data?.map((group) => (
        <option key={group.id} value={group.displayName}>
          Group
        </option>
      ))}
      {users.data?.map((user) => (
        <option key={user.id} value={user.userName}>
          {user.displayName ?? 'User'}
        </option>
      ))}
      {services.data?.map((service) => (
        <option key={service.id} value={service.applicationId}>
          {service.displayName ?? 'Service principal'}
        </option>
      ))}
    </datalist>
  );
}
