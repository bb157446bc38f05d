/** The network: what compute of this workspace may reach and tried to, the account's policies, who may come. */
import type { PageProps } from '../../app/App';
import { NotFound } from '../../app/NotFound';
import { useSession } from '../../app/session';
import { useLocation } from '../../lib/router';
import { SubNav } from '../compute/ComputeNav';
import { AccessListsSection } from './AccessListsSection';
import { ConnectivitySection } from './ConnectivitySection';
import { OutboundSection } from './OutboundSection';
import { PoliciesSection } from './PoliciesSection';
import '../compute/compute.css';
import './network.css';

const SECTIONS = [
  { key: '', label: 'Outbound access', who: 'all', title: 'Outbound access', text: 'What compute of this workspace may reach, and what it tried.', Section: OutboundSection },
  { key: 'policies', label: 'Policies', who: 'account', title: 'Network policies', text: 'What compute may reach. Each workspace has one; a change holds within a second.', Section: PoliciesSection },
  { key: 'connectivity', label: 'Connectivity', who: 'account', title: 'Connectivity', text: 'Where compute comes from, for firewalls on the other side.', Section: ConnectivitySection },
  { key: 'access-lists', label: 'IP access lists', who: 'workspace', title: 'IP access lists', text: 'From which addresses people and tools may reach this workspace.', Section: AccessListsSection },
] as const;

export default function NetworkPage({ params }: PageProps) {
  const { account_admin, workspace_admin } = useSession();
  const { path } = useLocation();
  const may = { all: true, account: account_admin, workspace: workspace_admin };
  const shown = SECTIONS.filter(({ who }) => may[who]);
  const active = shown.find(({ key }) => key === (params['section'] ?? ''));
  if (!active) return <NotFound />;
  return (
    <div className="page">
      <div className="page-inner network">
        <SubNav label="Network" path={path} links={shown.map(({ key, label }) => [key ? `/network/${key}` : '/network', label] as const)} />
        <active.Section title={active.title} text={active.text} />
      </div>
    </div>
  );
}

export interface SectionProps {
  title: string;
  text: string;
}
