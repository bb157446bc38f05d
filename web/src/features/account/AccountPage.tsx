/** The account console: workspaces, what they are made of, and the people of the account. For its admins. */
import type { PageProps } from '../../app/App';
import { NotFound } from '../../app/NotFound';
import { useSession } from '../../app/session';
import { Link } from '../../lib/router';
import { GroupsSection } from '../settings/GroupsSection';
import { ServicePrincipalsSection } from '../settings/ServicePrincipalsSection';
import { UsersSection } from '../settings/UsersSection';
import { CredentialsSection } from './CredentialsSection';
import { KeysSection } from './KeysSection';
import { NetworksSection } from './NetworksSection';
import { PrivateAccessSection } from './PrivateAccessSection';
import { StorageSection } from './StorageSection';
import { WorkspaceDetail } from './WorkspaceDetail';
import { WorkspacesSection } from './WorkspacesSection';
import '../settings/settings.css';
import '../compute/compute.css';
import '../warehouses/warehouses.css';
import './account.css';

const PARTS = [
  { title: '', sections: [{ key: 'workspaces', label: 'Workspaces', Section: WorkspacesSection }] },
  {
    title: 'Cloud account',
    sections: [
      { key: 'credentials', label: 'Credentials', Section: CredentialsSection },
      { key: 'storage', label: 'Storage', Section: StorageSection },
      { key: 'networks', label: 'Networks', Section: NetworksSection },
      { key: 'keys', label: 'Encryption keys', Section: KeysSection },
      { key: 'private-access', label: 'Private access', Section: PrivateAccessSection },
    ],
  },
  {
    title: 'People',
    sections: [
      { key: 'users', label: 'Users', Section: UsersSection },
      { key: 'groups', label: 'Groups', Section: GroupsSection },
      { key: 'service-principals', label: 'Service principals', Section: ServicePrincipalsSection },
    ],
  },
] as const;

export interface AccountSectionProps {
  account: string;
}

export default function AccountPage({ params: { section = 'workspaces', id } }: PageProps) {
  const { account_admin, account_id: account } = useSession();
  const active = PARTS.flatMap(({ sections }) => [...sections]).find(({ key }) => key === section);
  if (!account_admin || !active || (id !== undefined && section !== 'workspaces')) return <NotFound />;
  return (
    <div className="page">
      <div className="page-inner settings account-page">
        <nav aria-label="Account">
          <h1>Account</h1>
          {PARTS.map(({ title, sections }) => (
            <div key={title} className="account-part">
              {title && <h2>{title}</h2>}
              <ul>
                {sections.map(({ key, label }) => (
                  <li key={key}>
                    <Link className="nav-item" to={`/account/${key}`} aria-current={key === active.key ? 'page' : undefined}>
                      {label}
                    </Link>
                  </li>
                ))}
                {title === 'Cloud account' && (
                  <li>
                    <Link className="nav-item" to="/network/policies">
                      Network policies
                    </Link>
                  </li>
                )}
              </ul>
            </div>
          ))}
        </nav>
        <div className="settings-body">{id === undefined ? <active.Section account={account} /> : <WorkspaceDetail key={id} account={account} id={id} />}</div>
      </div>
    </div>
  );
}
