/** What the pages of compute have in common: links from one to the others. */
import { useSession } from '../../app/session';
import { Link, useLocation } from '../../lib/router';
import './compute.css';

const LINKS: readonly [string, string, boolean][] = [
  ['/warehouses', 'SQL warehouses', false],
  ['/clusters', 'Clusters', false],
  ['/clusters/policies', 'Policies', false],
  ['/clusters/pools', 'Pools', false],
  ['/serverless', 'Serverless', false],
  ['/hosts', 'Hosts', true],
];

export function ComputeNav() {
  const { account_admin } = useSession();
  const { path } = useLocation();
  return <SubNav label="Compute" links={LINKS.filter(([, , operator]) => account_admin || !operator)} path={path} />;
}

interface SubNavProps {
  label: string;
  links: readonly (readonly [string, string, ...unknown[]])[];
  path: string;
}

export function SubNav({ label, links, path }: SubNavProps) {
  return (
    <nav className="sub-nav" aria-label={label}>
      <ul className="tabs">
        {links.map(([to, text]) => (
          <li key={to}>
            <Link to={to} className="tab" aria-current={path === to ? 'page' : undefined}>
              {text}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
