import { expect, it } from 'vitest';
import { draftOf, specOf } from './draft';
import { definitionProblem, fieldOf, NO_RULES, pairsSaid, permitted, rulesOf, ruleText, sizingsOf, withPolicy, type Rules } from './policy';

const runtimes = [
  { key: '17.3.x-scala2.13', name: '17.3 LTS' },
  { key: '16.4.x-scala2.12', name: '16.4 LTS' },
];

it('reads definitions, and nothing from what is none', () => {
  expect(rulesOf('{"num_workers": {"type": "fixed", "value": 0}}')).toEqual({ num_workers: { type: 'fixed', value: 0 } });
  expect([rulesOf('['), rulesOf('[]'), rulesOf(undefined)]).toEqual([NO_RULES, NO_RULES, {}]);
  expect(definitionProblem('{"a": {"type": "fixed"}}')).toBeUndefined();
  expect(definitionProblem('{"a": {}}')).toBe('a: a rule has a type.');
  expect(definitionProblem('[]')).toMatch(/object/);
  expect(definitionProblem('{')).toBeTruthy();
});

it('says what a field may be', () => {
  const rules: Rules = {
    node_type_id: { type: 'allowlist', values: ['small', 'large'] },
    spark_version: { type: 'fixed', value: 'auto:prev-lts' },
    autotermination_minutes: { type: 'range', minValue: 10, maxValue: 60 },
    driver_node_type_id: { type: 'forbidden' },
    data_security_mode: { type: 'unlimited', hidden: true },
  };
  expect(['small', 'huge'].map((one) => fieldOf(rules, 'node_type_id').allows?.(one))).toEqual([true, false]);
  expect(fieldOf(rules, 'spark_version', runtimes).allows?.('16.4.x-scala2.12')).toBe(true);
  expect(fieldOf(rules, 'autotermination_minutes').hint).toBe('The policy allows 10 to 60.');
  expect([fieldOf(rules, 'driver_node_type_id').hidden, fieldOf(rules, 'data_security_mode').hidden, fieldOf(rules, 'cluster_name').hidden]).toEqual([true, true, false]);
});

it('fills a form in as the policy says', () => {
  const rules: Rules = {
    num_workers: { type: 'unlimited', defaultValue: 3, isOptional: true },
    spark_version: { type: 'unlimited', defaultValue: 'auto:latest-lts' },
    data_security_mode: { type: 'fixed', value: 'DATA_SECURITY_MODE_STANDARD', hidden: true },
    'aws_attributes.zone_id': { type: 'fixed', value: 'eu-1a' },
    'aws_attributes.availability': { type: 'forbidden' },
    'custom_tags.team': { type: 'fixed', value: 'data' },
    cluster_type: { type: 'fixed', value: 'all-purpose' },
  };
  const before = { is_single_node: true, num_workers: 0, node_type_id: 'small', aws_attributes: { availability: 'SPOT' } };
  const spec = withPolicy(before, rules, runtimes);
  expect(spec).toEqual({ num_workers: 3, node_type_id: 'small', spark_version: '17.3.x-scala2.13', data_security_mode: 'USER_ISOLATION', aws_attributes: { zone_id: 'eu-1a' } });
  const draft = draftOf(spec, 'ada');
  expect([draft.sizing, draft.workers, draft.mode, draft.zone]).toEqual(['fixed', '3', 'USER_ISOLATION', 'eu-1a']);
  expect(permitted(specOf(draft, true), rules).aws_attributes).toEqual({ zone_id: 'eu-1a' });
  expect(permitted({ aws_attributes: { zone_id: 'a' } }, { 'aws_attributes.zone_id': { type: 'forbidden' } })).toEqual({});
});

it('leaves the sizes that the policy leaves', () => {
  expect(sizingsOf({})).toEqual(['single', 'fixed', 'autoscale']);
  expect(sizingsOf({ num_workers: { type: 'fixed', value: 0 } })).toEqual(['single']);
  expect(sizingsOf({ num_workers: { type: 'range', minValue: 1, maxValue: 4 } })).toEqual(['fixed']);
  expect(sizingsOf({ num_workers: { type: 'range', minValue: 1, isOptional: true } })).toEqual(['fixed', 'autoscale']);
  expect(sizingsOf({ 'autoscale.max_workers': { type: 'range', maxValue: 9 } })).toEqual(['autoscale']);
  expect(sizingsOf({ 'autoscale.max_workers': { type: 'forbidden' } })).toEqual(['single', 'fixed']);
});

it('tells what is said of tags and configuration', () => {
  const rules: Rules = {
    'custom_tags.team': { type: 'fixed', value: 'data' },
    'custom_tags.cost': { type: 'regex', pattern: '\\d+' },
    'custom_tags.stage': { type: 'allowlist', values: ['dev', 'prod'] },
    'custom_tags.secret': { type: 'fixed', value: 'x', hidden: true },
    'custom_tags.*': { type: 'forbidden' },
    'spark_conf.a': { type: 'unlimited', isOptional: true },
  };
  expect(pairsSaid(rules, 'custom_tags')).toEqual(['team is data', 'cost is required', 'stage is one of dev, prod', 'No others are allowed']);
  expect(pairsSaid(rules, 'spark_conf')).toEqual([]);
  expect(Object.values(rules).map(ruleText)).toEqual(['data', 'Matches \\d+', 'One of dev, prod', 'x', 'Forbidden', 'Anything']);
});
