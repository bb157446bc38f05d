/** What holds for this workspace, in words. */
import type { ReactNode } from 'react';
import type { WorkspaceNetwork } from '../../api/types';
import { plural } from '../../lib/format';
import { Icon, type IconName } from '../../ui/Icon';
import { Skeleton } from '../../ui/States';
import { accessOf, bucketsOf, hostsOf, isDryRun, isRestricted, PRODUCTS } from './policy';

const CHIPS_MAX = 12;

export function HereCard({ network }: { network: WorkspaceNetwork | undefined }) {
  const policy = network?.network_policy;
  const addresses = network?.network_connectivity_config?.egress_config?.default_rules?.aws_stable_ip_rule?.cidr_blocks ?? [];
  const config = network?.network_connectivity_config;
  return (
    <div className="here">
      <Part icon="network" title="May reach" loading={!network}>
        {policy && <Reach network={network} />}
      </Part>
      <Part icon="upload" title="Comes from" loading={!network}>
        {addresses.length > 0 ? (
          <Chips items={addresses} />
        ) : (
          <p className="muted small">{config ? 'The operator has named no addresses for it.' : 'No connectivity configuration: its addresses may change.'}</p>
        )}
        <p className="small muted">
          Region {network?.region}
          {config?.name && `, configuration ${config.name}`}
        </p>
      </Part>
      <Part icon="shield" title="May be reached" loading={!network}>
        <p>{inbound(network)}</p>
        {network?.source_ip && <p className="small muted">You come from {network.source_ip}</p>}
      </Part>
    </div>
  );
}

function inbound(network: WorkspaceNetwork | undefined): string {
  if (network?.public_access_enabled === false) return 'Through private endpoints only.';
  return network?.ip_access_lists_enabled ? 'From the addresses of its IP access lists.' : 'From every address.';
}

function Part({ icon, title, loading, children }: { icon: IconName; title: string; loading: boolean; children: ReactNode }) {
  return (
    <section className="card card-body here-part" aria-label={title}>
      <h2>
        <Icon name={icon} />
        {title}
      </h2>
      {loading ? (
        <>
          <Skeleton width={150} height={20} />
          <Skeleton width="80%" />
        </>
      ) : (
        children
      )}
    </section>
  );
}

function Reach({ network: { network_policy: policy } }: { network: WorkspaceNetwork }) {
  const access = accessOf(policy);
  const hosts = hostsOf(access.allowed_internet_destinations);
  const buckets = bucketsOf(policy).map(({ name }) => `s3://${name}`);
  const blocked = hostsOf(access.blocked_internet_destinations);
  const restricted = isRestricted(policy);
  const products = access.policy_enforcement?.dry_run_mode_product_filter ?? [];
  return (
    <>
      <p className="row here-mode">
        <span className={`badge ${restricted ? 'accent' : ''}`}>{restricted ? 'Restricted' : 'Everything'}</span>
        {restricted && isDryRun(policy) && <span className="badge warn">Dry run{products.length > 0 ? `: ${products.map(productName).join(', ')}` : ''}</span>}
        <span className="small muted truncate" title={policy.network_policy_id}>
          {policy.network_policy_id}
        </span>
      </p>
      {!restricted && <p className="small muted">Every host on the internet. Addresses inside the operator’s network are refused.</p>}
      {restricted && hosts.length + buckets.length === 0 && <p className="small muted">Nothing but the storage of its own catalog.</p>}
      {restricted && <Chips items={[...hosts, ...buckets]} />}
      {restricted && blocked.length > 0 && <p className="small muted">But never {plural(blocked.length, 'host')}: {blocked.slice(0, CHIPS_MAX).join(', ')}</p>}
    </>
  );
}

export const productName = (key: string): string => PRODUCTS.find(([product]) => product === key)?.[1] ?? key;

export function Chips({ items }: { items: readonly string[] }) {
  if (items.length === 0) return null;
  const rest = items.slice(CHIPS_MAX);
  return (
    <ul className="chip-list">
      {items.slice(0, CHIPS_MAX).map((item) => (
        <li key={item} className="chip" title={item}>
          {item}
        </li>
      ))}
      {rest.length > 0 && (
        <li className="muted small" title={rest.join('\n')}>
          and {plural(rest.length, 'more', 'more')}
        </li>
      )}
    </ul>
  );
}
