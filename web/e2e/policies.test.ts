/** The pages of cluster policies and instance pools against a pretended server. */
import { describe, expect, it } from 'vitest';
import { usePages } from './pages';

const at = usePages();
const sent = (call: string) => at.state.policies.sent.filter((one) => one.call === call).map(({ body }) => body);

describe('cluster policies', () => {
  it('lists them, shows what one says, and who keeps to it', async () => {
    const { page } = at;
    await page.goto(`${at.base}/clusters/policies`);
    await page.getByRole('cell', { name: '6 rules' }).waitFor();
    await page.getByRole('link', { name: 'Small clusters' }).click();
    await page.getByRole('cell', { name: 'One of m5.large, m5.xlarge' }).waitFor();
    await page.getByRole('tab', { name: 'Clusters' }).click();
    await page.getByText('the value must be between 10 and 90').waitFor();
    await page.getByRole('button', { name: 'Enforce' }).click();
    await page.getByText('120 → 30').waitFor();
    await page.getByRole('button', { name: 'Change cluster' }).click();
    await page.getByText('Nightly ETL changed').waitFor();
    expect(sent('policies/clusters/enforce-compliance').map(({ validate_only }) => validate_only)).toEqual([true, false]);
  });

  it('makes one, once its rules are rules', async () => {
    const { page } = at;
    await page.goto(`${at.base}/clusters/policies`);
    await page.getByRole('button', { name: 'Create policy' }).click();
    await page.getByLabel('Name').fill('Mine');
    await page.getByLabel('Rules', { exact: true }).fill('{');
    expect(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('Rules', { exact: true }).fill('{"num_workers": {"type": "forbidden"}}');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'Mine' }).waitFor();
    expect(sent('policies/clusters/create')).toEqual([{ name: 'Mine', definition: '{"num_workers": {"type": "forbidden"}}' }]);
  });

  it('drives the form of a cluster', async () => {
    const { page } = at;
    await page.goto(`${at.base}/clusters/new?policy=A1B2C3D4E5F60718`);
    await page.getByRole('heading', { name: 'Create cluster' }).waitFor();
    expect(await page.getByLabel('Number of workers').getAttribute('readonly')).not.toBeNull();
    expect(await page.getByLabel('Worker type').inputValue()).toBe('m5.xlarge');
    expect(await page.getByLabel('Worker type').locator('option').count()).toBe(2);
    expect(await page.getByLabel('Access mode').count()).toBe(0);
    expect(await page.getByLabel('Availability').count()).toBe(0);
    expect(await page.getByLabel('Terminate after minutes without use').inputValue()).toBe('30');
    await page.getByText('The policy: team is data.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Kept');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'Kept' }).waitFor();
    expect(at.state.clusters.sent.find(({ call }) => call === 'create')?.body).toEqual({
      cluster_name: 'Kept',
      policy_id: 'A1B2C3D4E5F60718',
      spark_version: '17.3.x-scala2.13',
      data_security_mode: 'USER_ISOLATION',
      node_type_id: 'm5.xlarge',
      num_workers: 2,
      autotermination_minutes: 30,
      aws_attributes: { zone_id: 'auto' },
    });
  });
});

describe('instance pools', () => {
  it('lists them, makes one, and lets a cluster have its hosts', async () => {
    const { page } = at;
    await page.goto(`${at.base}/clusters/pools`);
    await page.getByRole('cell', { name: '1 in use, 2 idle of 8 hosts' }).waitFor();
    await page.getByRole('button', { name: 'Create pool' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Cold');
    await page.getByRole('dialog').getByLabel('Node type').selectOption('m5.xlarge');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'Cold' }).waitFor();
    expect(sent('instance-pools/create')).toEqual([
      { instance_pool_name: 'Cold', node_type_id: 'm5.xlarge', min_idle_instances: 0, idle_instance_autotermination_minutes: 60, aws_attributes: { availability: 'ON_DEMAND' } },
    ]);
    await page.goto(`${at.base}/clusters/new`);
    await page.getByLabel('Pool').selectOption({ label: 'Warm hosts (m5.large, 2 idle)' });
    expect(await page.getByLabel('Node type').count()).toBe(0);
    await page.getByLabel('Name', { exact: true }).fill('Quick');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'Quick' }).waitFor();
    const body = at.state.clusters.sent.find(({ call }) => call === 'create')?.body ?? {};
    expect([body['instance_pool_id'], body['node_type_id'], body['aws_attributes']]).toEqual(['0101-120000-hosts12-pool-abcdefgh', undefined, undefined]);
  });
});
