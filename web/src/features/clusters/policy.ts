/** What a policy says of the form of a cluster: which fields are fixed, hidden or limited. The server decides; this is so that nobody is surprised. */
import type { ClusterSpec, RuntimeVersion } from '../../api/types';
import type { Sizing } from './draft';

type Scalar = string | number | boolean;

export interface Rule {
  type: 'fixed' | 'forbidden' | 'allowlist' | 'blocklist' | 'regex' | 'range' | 'unlimited';
  value?: Scalar;
  values?: Scalar[];
  pattern?: string;
  minValue?: number;
  maxValue?: number;
  defaultValue?: Scalar;
  isOptional?: boolean;
  hidden?: boolean;
}

export type Rules = Readonly<Record<string, Rule>>;

export const NO_RULES: Rules = {};

/** The server checked it; what it cannot be read as says nothing. */
export function rulesOf(definition: string | undefined): Rules {
  try {
    const rules: unknown = JSON.parse(definition ?? '{}');
    return typeof rules === 'object' && rules !== null && !Array.isArray(rules) ? (rules as Rules) : NO_RULES;
  } catch {
    return NO_RULES;
  }
}

/** Why a text is no definition, as far as that is seen here. */
export function definitionProblem(text: string): string | undefined {
  try {
    const rules: unknown = JSON.parse(text);
    if (typeof rules !== 'object' || rules === null || Array.isArray(rules)) return 'This must be an object: attribute path to rule.';
    const bad = Object.entries(rules).find(([, rule]) => typeof (rule as Rule | null)?.type !== 'string');
    return bad && `${bad[0]}: a rule has a type.`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export interface Field {
  fixed: boolean;
  hidden: boolean;
  /** Undefined: anything. */
  allows: ((value: string) => boolean) | undefined;
  hint: string | undefined;
}

const FREE: Field = { fixed: false, hidden: false, allows: undefined, hint: undefined };

export function fieldOf(rules: Rules, path: string, runtimes: readonly RuntimeVersion[] = []): Field {
  const rule = rules[path];
  if (!rule) return FREE;
  const is = (value: string) => (wanted: Scalar) => named(String(wanted), runtimes) === value;
  const fixed = rule.type === 'fixed';
  const { values = [] } = rule;
  return {
    fixed,
    hidden: rule.hidden === true || rule.type === 'forbidden',
    allows:
      rule.type === 'allowlist'
        ? (value) => values.some(is(value))
        : rule.type === 'blocklist'
          ? (value) => !values.some(is(value))
          : fixed
            ? (value) => is(value)(rule.value ?? '')
            : undefined,
    hint: fixed ? 'Fixed by the policy.' : limitText(rule),
  };
}

function limitText({ type, minValue, maxValue, pattern }: Rule): string | undefined {
  if (type === 'regex') return `The policy wants it to match ${pattern}.`;
  if (type !== 'range') return undefined;
  if (minValue !== undefined && maxValue !== undefined) return `The policy allows ${minValue} to ${maxValue}.`;
  return minValue !== undefined ? `The policy allows ${minValue} or more.` : `The policy allows at most ${maxValue}.`;
}

/** `auto:latest` and its like are names for versions, the newest of which comes first. */
export function named(value: string, runtimes: readonly RuntimeVersion[]): string {
  if (!value.startsWith('auto:')) return value === 'DATA_SECURITY_MODE_DEDICATED' ? 'SINGLE_USER' : value === 'DATA_SECURITY_MODE_STANDARD' ? 'USER_ISOLATION' : value;
  return (value.startsWith('auto:latest') ? runtimes[0] : runtimes[1])?.key ?? value;
}

/** Paths that the form has fields for: the others are filled in by the server. */
const MAPS = /^(custom_tags|spark_conf|spark_env_vars)\./;
const LISTS = /\.(\d+|\*)(\.|$)/;

/** With what the policy fixes, and what is usual with it, put in. What it forbids goes. */
export function withPolicy(spec: ClusterSpec, rules: Rules, runtimes: readonly RuntimeVersion[]): ClusterSpec {
  const result = structuredClone(spec) as Record<string, unknown>;
  for (const [path, rule] of Object.entries(rules)) {
    if (MAPS.test(path) || LISTS.test(path) || path === 'cluster_type' || path === 'dbus_per_hour') continue;
    const wanted = rule.type === 'fixed' ? rule.value : rule.defaultValue;
    if (rule.type === 'forbidden') unset(result, path);
    else if (wanted !== undefined) put(result, path, typeof wanted === 'string' ? named(wanted, runtimes) : wanted);
  }
  const says = (name: string) => Object.entries(rules).some(([path, rule]) => path.startsWith(name) && rule.type !== 'forbidden' && (rule.type === 'fixed' || rule.defaultValue !== undefined));
  if (says('num_workers')) delete result.autoscale;
  else if (says('autoscale.')) delete result.num_workers;
  if (says('num_workers') || says('autoscale.')) delete result.is_single_node;
  return result;
}

function put(into: Record<string, unknown>, path: string, value: unknown) {
  const [name, ...rest] = path.split('.');
  if (name === undefined) return;
  if (rest.length === 0) into[name] = value;
  else {
    const inner = into[name];
    const map = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
    into[name] = map;
    put(map, rest.join('.'), value);
  }
}

function unset(from: Record<string, unknown>, path: string) {
  const [name, ...rest] = path.split('.');
  if (name === undefined) return;
  const inner = from[name];
  if (rest.length === 0) delete from[name];
  else if (typeof inner === 'object' && inner !== null) unset(inner as Record<string, unknown>, rest.join('.'));
}

/** As it is sent: without what the policy forbids. */
export function permitted(spec: ClusterSpec, rules: Rules): ClusterSpec {
  const result = structuredClone(spec) as Record<string, unknown>;
  for (const [path, rule] of Object.entries(rules)) if (rule.type === 'forbidden' && !path.includes('*')) unset(result, path);
  const aws = result.aws_attributes;
  if (typeof aws === 'object' && aws !== null && Object.keys(aws).length === 0) delete result.aws_attributes;
  return result;
}

const SIZINGS: readonly Sizing[] = ['single', 'fixed', 'autoscale'];

/** The kinds of size that the policy leaves. */
export function sizingsOf(rules: Rules): readonly Sizing[] {
  const { num_workers: number, 'autoscale.max_workers': most, 'autoscale.min_workers': least } = rules;
  const needed = (rule: Rule | undefined) => rule !== undefined && rule.type !== 'forbidden' && (rule.type === 'fixed' || !rule.isOptional);
  if (number?.type === 'fixed') return [Number(number.value) === 0 ? 'single' : 'fixed'];
  const left = SIZINGS.filter((sizing) =>
    sizing === 'autoscale'
      ? most?.type !== 'forbidden' && least?.type !== 'forbidden' && !needed(number)
      : number?.type !== 'forbidden' && !needed(most) && !needed(least) && !(sizing === 'single' && (number?.minValue ?? 0) > 0) && !(sizing === 'fixed' && number?.maxValue === 0),
  );
  return left.length > 0 ? left : SIZINGS;
}

/** Pairs that the policy adds or wants, for those who fill the form in. */
export function pairsSaid(rules: Rules, map: 'custom_tags' | 'spark_conf' | 'spark_env_vars'): string[] {
  return Object.entries(rules).flatMap(([path, rule]) => {
    if (!path.startsWith(`${map}.`) || rule.hidden) return [];
    const key = path.slice(map.length + 1);
    if (rule.type === 'fixed') return [`${key} is ${String(rule.value)}`];
    if (rule.type === 'forbidden') return [key === '*' ? 'No others are allowed' : `${key} is not allowed`];
    if (rule.values && rule.type === 'allowlist') return [`${key} is one of ${rule.values.join(', ')}`];
    return rule.isOptional || key === '*' ? [] : [`${key} is required`];
  });
}

/** In a few words, for a list. */
export function ruleText(rule: Rule): string {
  switch (rule.type) {
    case 'fixed':
      return String(rule.value);
    case 'forbidden':
      return 'Forbidden';
    case 'allowlist':
      return `One of ${(rule.values ?? []).join(', ')}`;
    case 'blocklist':
      return `None of ${(rule.values ?? []).join(', ')}`;
    case 'regex':
      return `Matches ${rule.pattern}`;
    case 'range':
      return [rule.minValue !== undefined && `at least ${rule.minValue}`, rule.maxValue !== undefined && `at most ${rule.maxValue}`].filter(Boolean).join(', ');
    default:
      return 'Anything';
  }
}
