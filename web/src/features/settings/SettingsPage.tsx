/** Settings: the person, their tokens; for admins also the workspace's people. */
import type { PageProps } from '../../app/App';
import { useSession } from '../../app/session';
import { Link } from '../../lib/router';
import { NotFound } from '../../app/NotFound';
import { GroupsSection } from './GroupsSection';
import { ProfileSection } from './ProfileSection';
import { ServicePrincipalsSection } from './ServicePrincipalsSection';
import { TokensSection } from './TokensSection';
import { UsersSection } from './UsersSection';
import './settings.css';

const SECTIONS = [
  { key: 'profile', label: 'Profile', admin: false, Section: ProfileSection },
  { key: 'tokens', label: 'Access tokens', admin: false, Section: TokensSection },
  { key: 'users', label: 'Users', admin: true, Section: UsersSection },
  { key: 'groups', label: 'Groups', admin: true, Section: GroupsSection },
  { key: 'service-principals', label: 'Service principals', admin: true, Section: ServicePrincipalsSection },
] as const;

export default function SettingsPage({ params }: PageProps) {
  const session = useSession();
  const admin = session.workspace_admin || session.account_admin;
  const shown = SECTIONS.filter((section) => admin || !section.admin);
  const active = shown.find(({ key }) => key === (params['section'] ?? 'profile'));
  if (!active) return <NotFound />;
  return (
    <div className="page">
      <div className="page-inner settings">
        <nav aria-label="Settings">
          <h1>Settings</h1>
          <ul>
            {shown.map(({ key, label }) => (
              <li key={key}>
                <Link className="nav-item" to={`/settings/${key}`} aria-current={key === active.key ? 'page' : undefined}>
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="settings-body">
          <active.Section />
        </div>
      </div>
    </div>
  );
}
