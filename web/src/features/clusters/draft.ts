/** A cluster's specification as a form holds it, and back. What the form does not know is kept. */
import type { ClusterSpec, InstancePool, NodeType, RuntimeVersion, Tag } from '../../api/types';

export const WORKERS_MAX = 100;
const NAME_MAX = 100;
const MINUTES_MIN = 10;
const MINUTES_MAX = 10_000;

export type Sizing = 'single' | 'fixed' | 'autoscale';
export type Availability = 'ON_DEMAND' | 'SPOT' | 'SPOT_WITH_FALLBACK';

export interface Draft {
  name: string;
  mode: 'SINGLE_USER' | 'USER_ISOLATION';
  user: string;
  runtime: string;
  nodeType: string;
  /** Empty: the same as the workers. */
  driverType: string;
  sizing: Sizing;
  workers: string;
  min: string;
  max: string;
  minutes: string;
  tags: Tag[];
  conf: string;
  environment: string;
  availability: Availability;
  firstOnDemand: string;
  zone: string;
  diskSize: string;
  /** Fields of the specification that have no place in the form. */
  rest: ClusterSpec;
}

export interface Offer {
  runtimes: readonly RuntimeVersion[];
  nodeTypes: readonly NodeType[];
  zones: readonly string[];
  pools?: readonly InstancePool[];
}

const KNOWN = [
  'cluster_name',
  'data_security_mode',
  'single_user_name',
  'spark_version',
  'node_type_id',
  'driver_node_type_id',
  'num_workers',
  'autoscale',
  'is_single_node',
  'autotermination_minutes',
  'custom_tags',
  'spark_conf',
  'spark_env_vars',
  'aws_attributes',
] as const;

/** The provider is AWS, with what only it has. Other providers' types have a family of their own. */
export const isAws = (nodeTypes: readonly NodeType[]): boolean => nodeTypes.length > 0 && nodeTypes.every(({ node_type_id }) => !/^(local|own)\./.test(node_type_id));

/** The smallest one: what it costs is known by nobody yet. */
function smallest(types: readonly NodeType[]): string {
  const byMemory = [...types].sort((a, b) => a.memory_mb - b.memory_mb || a.node_type_id.localeCompare(b.node_type_id));
  return byMemory[0]?.node_type_id ?? '';
}

export function newDraft(offer: Offer, user: string): Draft {
  return draftOf(
    {
      data_security_mode: 'SINGLE_USER',
      single_user_name: user,
      spark_version: offer.runtimes[0]?.key ?? '',
      node_type_id: smallest(offer.nodeTypes),
      num_workers: 0,
      autotermination_minutes: 60,
    },
    user,
  );
}

const linesOf = (pairs: Record<string, string> | undefined, between: string) =>
  Object.entries(pairs ?? {})
    .map(([key, value]) => key + between + value)
    .join('\n');

export function draftOf(spec: ClusterSpec, user: string): Draft {
  const { autoscale, num_workers = 0, aws_attributes: aws } = spec;
  const single = spec.data_security_mode ? /^(SINGLE_USER|DATA_SECURITY_MODE_DEDICATED)$/.test(spec.data_security_mode) : Boolean(spec.single_user_name);
  return {
    name: spec.cluster_name ?? '',
    mode: single ? 'SINGLE_USER' : 'USER_ISOLATION',
    user: spec.single_user_name ?? user,
    runtime: spec.spark_version ?? '',
    nodeType: spec.node_type_id ?? '',
    driverType: spec.driver_node_type_id === spec.node_type_id ? '' : (spec.driver_node_type_id ?? ''),
    sizing: autoscale ? 'autoscale' : spec.is_single_node || num_workers === 0 ? 'single' : 'fixed',
    workers: String(num_workers || 2),
    min: String(autoscale?.min_workers ?? 1),
    max: String(autoscale?.max_workers ?? 4),
    minutes: String(spec.autotermination_minutes ?? 0),
    tags: Object.entries(spec.custom_tags ?? {}).map(([key, value]) => ({ key, value })),
    conf: linesOf(spec.spark_conf, ' '),
    environment: linesOf(spec.spark_env_vars, '='),
    availability: (aws?.availability as Availability | undefined) ?? 'ON_DEMAND',
    firstOnDemand: String(aws?.first_on_demand ?? 1),
    zone: aws?.zone_id ?? 'auto',
    diskSize: aws?.ebs_volume_size ? String(aws.ebs_volume_size) : '',
    rest: rest(spec),
  };
}

/** Absent is not null: the server tells them apart. */
function rest(spec: ClusterSpec): ClusterSpec {
  const known = new Set<string>(KNOWN);
  const kept = Object.fromEntries(Object.entries(spec).filter(([key]) => !known.has(key))) as ClusterSpec;
  const { availability: _a, first_on_demand: _f, zone_id: _z, ebs_volume_size: _s, ebs_volume_count: _c, ...other } = spec.aws_attributes ?? {};
  return Object.keys(other).length > 0 ? { ...kept, aws_attributes: other } : kept;
}

/** Digits typed into a number field, or NaN. */
const whole = (text: string) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN);
const within = (value: number, least: number, most: number) => value >= least && value <= most;

/** Lines as pairs; the first line that is none is told. */
export function pairsOf(text: string, between: RegExp): { pairs: Record<string, string>; problem: string | undefined } {
  const pairs: Record<string, string> = {};
  let problem: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (!trimmed || trimmed.startsWith('#')) continue;
    const found = between.exec(trimmed);
    if (!found || found.index === 0) problem ??= `Line ${index + 1} has no value.`;
    else pairs[trimmed.slice(0, found.index)] = trimmed.slice(found.index + found[0].length);
  }
  return { pairs, problem };
}

const CONF = /[\s=]+/;
const ENVIRONMENT = /\s*=\s*/;

export type Problems = Partial<Record<'name' | 'user' | 'workers' | 'range' | 'minutes' | 'conf' | 'environment' | 'firstOnDemand' | 'diskSize' | 'runtime' | 'nodeType', string>>;

export function problemsOf(draft: Draft, aws: boolean): Problems {
  const [min, max, minutes] = [whole(draft.min), whole(draft.max), whole(draft.minutes)];
  const environment = pairsOf(draft.environment, ENVIRONMENT);
  const badName = Object.keys(environment.pairs).find((name) => !/^[A-Za-z_]\w*$/.test(name));
  const found: Problems = {
    ...(draft.name.trim().length > NAME_MAX && { name: `At most ${NAME_MAX} characters.` }),
    ...(draft.mode === 'SINGLE_USER' && !draft.user.trim() && { user: 'Say whose it is.' }),
    ...(!draft.runtime && { runtime: 'Choose one.' }),
    ...(!draft.nodeType && !ofPool(draft) && { nodeType: 'Choose one.' }),
    ...(draft.sizing === 'fixed' && !within(whole(draft.workers), 1, WORKERS_MAX) && { workers: `From 1 to ${WORKERS_MAX}.` }),
    ...(draft.sizing === 'autoscale' && !(min >= 0 && max >= min && within(max, 1, WORKERS_MAX)) && { range: `From 0 to ${WORKERS_MAX}, the first not above the second.` }),
    ...(minutes !== 0 && !within(minutes, MINUTES_MIN, MINUTES_MAX) && { minutes: `From ${MINUTES_MIN} to ${MINUTES_MAX}, or 0 for never.` }),
  };
  const conf = pairsOf(draft.conf, CONF).problem;
  if (conf) found.conf = conf;
  if (environment.problem) found.environment = environment.problem;
  else if (badName) found.environment = `${badName} is no name of a variable.`;
  if (aws && draft.availability !== 'ON_DEMAND' && Number.isNaN(whole(draft.firstOnDemand))) found.firstOnDemand = 'A number of hosts.';
  if (aws && draft.diskSize.trim() && !within(whole(draft.diskSize), 1, 16_384)) found.diskSize = 'From 1 to 16384.';
  return found;
}

function size(draft: Draft): ClusterSpec {
  if (draft.sizing === 'autoscale') return { autoscale: { min_workers: whole(draft.min), max_workers: whole(draft.max) } };
  return draft.sizing === 'single' ? { num_workers: 0, is_single_node: true } : { num_workers: whole(draft.workers) };
}

function attributes(draft: Draft): ClusterSpec['aws_attributes'] {
  const disk = draft.diskSize.trim() ? { ebs_volume_size: whole(draft.diskSize), ebs_volume_count: 1 } : {};
  return {
    ...draft.rest.aws_attributes,
    availability: draft.availability,
    zone_id: draft.zone,
    ...(draft.availability === 'ON_DEMAND' ? {} : { first_on_demand: whole(draft.firstOnDemand) }),
    ...disk,
  };
}

/** The hosts come from a pool, which says how they are. */
export const ofPool = ({ rest: { instance_pool_id: id } }: Pick<Draft, 'rest'>): boolean => Boolean(id);

/** Empty maps are left out, so that the JSON says what was said. */
const some = <K extends string>(key: K, pairs: Record<string, string>) => (Object.keys(pairs).length > 0 ? { [key]: pairs } : {});

export function specOf(draft: Draft, aws: boolean): ClusterSpec {
  const tags = Object.fromEntries(draft.tags.filter(({ key }) => key.trim()).map(({ key, value }) => [key.trim(), value.trim()]));
  const { aws_attributes: _, ...ofPools } = draft.rest;
  return {
    ...(ofPool(draft) ? ofPools : draft.rest),
    cluster_name: draft.name.trim(),
    spark_version: draft.runtime,
    data_security_mode: draft.mode,
    ...(draft.mode === 'SINGLE_USER' ? { single_user_name: draft.user.trim() } : {}),
    ...(ofPool(draft) ? {} : { node_type_id: draft.nodeType }),
    ...(draft.driverType && draft.sizing !== 'single' && !ofPool(draft) ? { driver_node_type_id: draft.driverType } : {}),
    ...size(draft),
    autotermination_minutes: whole(draft.minutes),
    ...some('custom_tags', tags),
    ...some('spark_conf', pairsOf(draft.conf, CONF).pairs),
    ...some('spark_env_vars', pairsOf(draft.environment, ENVIRONMENT).pairs),
    ...(aws && !ofPool(draft) ? { aws_attributes: attributes(draft) ?? {} } : {}),
  };
}

/** The specification that was typed as JSON, or why it is none. */
export function parseSpec(text: string): { spec: ClusterSpec } | { problem: string } {
  try {
    const spec: unknown = JSON.parse(text);
    if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return { problem: 'This must be an object: { … }.' };
    return { spec: spec as ClusterSpec };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether a runtime version is Apache Spark itself, which works on workers. */
export const isSpark = (runtime: string) => runtime.includes('apache-spark');
