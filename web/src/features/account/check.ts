/** What is refused anyway, told while it is typed. Empty is no problem yet: the button waits for it. */

type Problem = string | undefined;
const when = (text: string, good: boolean, problem: string): Problem => (text.trim() === '' || good ? undefined : problem);

export const roleProblem = (arn: string): Problem =>
  when(arn, /^arn:aws(-[\w-]+)?:iam::\d{12}:role\/\S+$/.test(arn.trim()), 'An ARN of a role: arn:aws:iam::123456789012:role/name.');

export const bucketProblem = (name: string): Problem =>
  when(name, /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name.trim()), 'The name of a bucket: 3 to 63 small letters, digits, hyphens and dots.');

export const keyProblem = (arn: string): Problem =>
  when(arn, /^arn:aws(-[\w-]+)?:kms:[\w-]+:\d{12}:key\/\S+$/.test(arn.trim()), 'An ARN of a key, not of an alias: arn:aws:kms:eu-west-1:123456789012:key/….');

export const aliasProblem = (alias: string): Problem => when(alias, /^alias\/\S+$/.test(alias.trim()), 'It begins with alias/.');

export const prefixProblem = (id: string, prefix: string): Problem => when(id, id.trim().startsWith(prefix) && id.trim().length > prefix.length, `It begins with ${prefix}.`);

/** Ids, one a line or with commas between. */
export const idsOf = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

export function idsProblem(text: string, prefix: string, least: number): Problem {
  const ids = idsOf(text);
  const wrong = ids.find((id) => prefixProblem(id, prefix));
  if (wrong) return `${wrong} does not begin with ${prefix}.`;
  if (new Set(ids).size < ids.length) return 'One stands twice.';
  return ids.length > 0 && ids.length < least ? `At least ${least}.` : undefined;
}
