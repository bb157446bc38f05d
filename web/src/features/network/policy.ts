/** Network policies as forms show them, and what a denial asks of one. */
import type { NetworkAccess, NetworkPolicy, OutboundAccess } from '../../api/types';

export const DEFAULT_POLICY = 'default-policy';
export const PRODUCTS: readonly (readonly [string, string])[] = [
  ['DBSQL', 'SQL warehouses'],
  ['ML_SERVING', 'Model serving'],
];

export interface Bucket {
  name: string;
  region: string;
}

/** What a form holds. */
export interface Draft {
  id: string;
  restricted: boolean;
  /** Empty lines and spaces do not matter. */
  internet: string;
  blocked: string;
  buckets: Bucket[];
  dryRun: boolean;
  /** None: all of them. */
  products: string[];
}

export const accessOf = (policy: NetworkPolicy | undefined): NetworkAccess => policy?.egress?.network_access ?? {};
export const isRestricted = (policy: NetworkPolicy | undefined): boolean => accessOf(policy).restriction_mode === 'RESTRICTED_ACCESS';
export const isDryRun = (policy: NetworkPolicy | undefined): boolean => accessOf(policy).policy_enforcement?.enforcement_mode === 'DRY_RUN';
export const hostsOf = (list: NetworkAccess['allowed_internet_destinations']): string[] => (list ?? []).map(({ destination }) => destination ?? '');
export const bucketsOf = (policy: NetworkPolicy | undefined): Bucket[] =>
  (accessOf(policy).allowed_storage_destinations ?? []).map(({ bucket_name = '', region = '' }) => ({ name: bucket_name, region }));

export function draftOf(policy: NetworkPolicy | null): Draft {
  const access = accessOf(policy ?? undefined);
  return {
    id: policy?.network_policy_id ?? '',
    restricted: policy ? isRestricted(policy) : true,
    internet: hostsOf(access.allowed_internet_destinations).join('\n'),
    blocked: hostsOf(access.blocked_internet_destinations).join('\n'),
    buckets: bucketsOf(policy ?? undefined),
    dryRun: policy ? isDryRun(policy) : false,
    products: access.policy_enforcement?.dry_run_mode_product_filter ?? [],
  };
}

export const linesOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).map((line) => line.trim().toLowerCase()).filter(Boolean))];

const internet = (text: string) => linesOf(text).map((destination) => ({ destination, internet_destination_type: 'DNS_NAME' }));

export function policyOf(draft: Draft): NetworkPolicy {
  return {
    network_policy_id: draft.id.trim(),
    egress: {
      network_access: {
        restriction_mode: draft.restricted ? 'RESTRICTED_ACCESS' : 'FULL_ACCESS',
        allowed_internet_destinations: internet(draft.internet),
        blocked_internet_destinations: internet(draft.blocked),
        allowed_storage_destinations: draft.buckets
          .filter(({ name }) => name.trim())
          .map(({ name, region }) => ({
            bucket_name: name.trim(),
            storage_destination_type: 'AWS_S3',
            ...(region.trim() ? { region: region.trim() } : {}),
          })),
        policy_enforcement: {
          enforcement_mode: draft.dryRun ? 'DRY_RUN' : 'ENFORCED',
          ...(draft.dryRun && draft.products.length > 0 ? { dry_run_mode_product_filter: draft.products } : {}),
        },
      },
    },
  };
}

const HOST = /^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/;

/** The first line that is no destination; the server has the last word. */
export function hostProblem(text: string): string | undefined {
  const bad = linesOf(text).find((line) => !HOST.test(line) || /\.\d+$/.test(line));
  return bad && `“${bad}” is not a destination. Write a full name such as pypi.org, or *.example.com for all below it.`;
}

export const idProblem = (id: string): string | undefined =>
  id.trim() === '' || /^[\w-]{1,100}$/.test(id.trim()) ? undefined : 'Letters, digits, hyphens and underscores only.';

/** What would have let an access through: a rule that can be added, or words why none can. */
export type Hint = { rule: 'internet' | 'storage'; value: string; text: string } | { rule: null; text: string };

const WORDS: Record<string, string> = {
  'address-not-in-policy': 'Rules name hosts. Let the program use a host name instead of an address.',
  'port-denied': 'Only ports 443 and 80 are open. No rule changes that.',
  'address-not-public': 'The name leads to a private address. Only the operator can open those, on the host.',
  'not-tls': 'Only TLS passes on port 443. Let the program use HTTPS.',
  'no-server-name': 'The program must name the server in its TLS hello (SNI).',
  'server-name-mismatch': 'The TLS hello named another host than the one asked for.',
  'encrypted-client-hello': 'Switch encrypted client hello (ECH) off in the program.',
  'host-header-mismatch': 'The Host header named another host than the one asked for.',
  'private-endpoint-port': 'The name leads to a private endpoint, which has other ports. Only the operator can open more.',
  'not-a-member': 'Sandboxes reach the members of their own cluster only. No rule changes that.',
  'no-cluster': 'Sandboxes reach the members of their own cluster only. No rule changes that.',
  'policy-changed': 'The policy changed while it was connected. Try again.',
  'connection-limit': 'The sandbox has all the connections it may have. Close some.',
  'byte-limit': 'The sandbox has used up its share of traffic. Start another.',
  'storage-bucket-path-denied': 'Create an external location for this path, and grant it to the workspace.',
  'storage-write-denied': 'The external location is read-only for this workspace.',
};

export function hintOf(access: Pick<OutboundAccess, 'destination' | 'destination_type' | 'reason_code' | 'reason'>): Hint {
  const { destination, destination_type: type } = access;
  // What was kept before codes were has words only.
  const code = access.reason_code || (access.reason.includes("not in the workspace's network policy") ? 'not-in-policy' : '');
  if (type === 'DNS' && code === 'not-in-policy') {
    return { rule: 'internet', value: destination, text: `Allow the internet destination ${destination}` };
  }
  if (type === 'STORAGE' && (code === 'storage-bucket-denied' || code === 'not-in-policy')) {
    const value = destination.replace(/^s3:\/\//, '');
    return { rule: 'storage', value, text: `Allow the storage destination ${value}, or create an external location in it` };
  }
  return { rule: null, text: WORDS[code] ?? 'No rule of a network policy opens it.' };
}

/** The policy with one more destination. */
export function withRule(policy: NetworkPolicy, hint: Hint, pattern: string): NetworkPolicy {
  const draft = draftOf(policy);
  if (hint.rule === 'internet') return policyOf({ ...draft, internet: [draft.internet, pattern].filter(Boolean).join('\n') });
  if (hint.rule === 'storage') return policyOf({ ...draft, buckets: [...draft.buckets, { name: pattern, region: '' }] });
  return policy;
}

/** `*.example.com` for `files.example.com`, where that says more. */
export function wildcardOf(host: string): string | undefined {
  const labels = host.split('.');
  return labels.length >= 3 ? `*.${labels.slice(1).join('.')}` : undefined;
}
