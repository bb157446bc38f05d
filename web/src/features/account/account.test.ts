import { expect, it } from 'vitest';
import { aliasProblem, bucketProblem, idsOf, idsProblem, keyProblem, prefixProblem, roleProblem } from './check';
import { requestOf, statusTone } from './workspace';

it('tells what would be refused', () => {
  expect(roleProblem('')).toBeUndefined();
  expect(roleProblem('arn:aws:iam::123456789012:role/biplane')).toBeUndefined();
  expect(roleProblem('arn:aws:iam::123456789012:user/x')).toBeDefined();
  expect(bucketProblem('Root')).toBeDefined();
  expect(bucketProblem('acme-root')).toBeUndefined();
  expect(keyProblem('arn:aws:kms:eu-west-1:123456789012:alias/x')).toBeDefined();
  expect(keyProblem('arn:aws:kms:eu-west-1:123456789012:key/1')).toBeUndefined();
  expect(aliasProblem('x')).toBeDefined();
  expect(prefixProblem('vpc-1', 'vpc-')).toBeUndefined();
  expect(idsOf('a, b\nc')).toEqual(['a', 'b', 'c']);
  expect(idsProblem('subnet-1', 'subnet-', 2)).toBe('At least 2.');
  expect(idsProblem('subnet-1 sg-2', 'subnet-', 2)).toBe('sg-2 does not begin with subnet-.');
  expect(idsProblem('subnet-1 subnet-1', 'subnet-', 2)).toBe('One stands twice.');
});

it('asks for a workspace as it was chosen', () => {
  const draft = { name: ' lab ', region: 'eu-west-1', hybrid: false, credentials: 'c', storage: 's', network: 'n', key: '', privateAccess: '' };
  expect(requestOf(draft)).toEqual({ workspace_name: 'lab', aws_region: 'eu-west-1', compute_mode: 'SERVERLESS' });
  expect(requestOf({ ...draft, hybrid: true, privateAccess: 'p' })).toEqual({
    workspace_name: 'lab',
    aws_region: 'eu-west-1',
    compute_mode: 'HYBRID',
    credentials_id: 'c',
    storage_configuration_id: 's',
    network_id: 'n',
    private_access_settings_id: 'p',
  });
  expect(statusTone('FAILED')).toBe('danger');
});
