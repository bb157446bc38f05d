/** The pages of clusters against a pretended server. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CLUSTER } from './mock-clusters';
import { usePages } from './pages';

const at = usePages();

describe('clusters', () => {
  const sent = (call: string) => at.state.clusters.sent.filter((one) => one.call === call).map(({ body }) => body);

  beforeEach(async () => {
    await at.page.goto(`${at.base}/clusters`);
    await at.page.getByRole('link', { name: 'Nightly ETL' }).waitFor();
  });

  it('lists, filters, pins, starts and terminates them', async () => {
    const { page } = at;
    await page.getByRole('searchbox', { name: 'Name, creator or tag' }).fill('ben');
    expect(await page.getByRole('row').count()).toBe(2);
    await page.getByText('1 of 3 clusters').waitFor();
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('button', { name: 'Pinned', exact: true }).click();
    expect(await page.getByRole('row').count()).toBe(2);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('button', { name: 'Pin Training' }).click();
    await page.getByRole('button', { name: 'Unpin Training' }).waitFor();
    await page.getByRole('button', { name: 'Start Training' }).click();
    await page.getByRole('button', { name: 'Terminate Nightly ETL' }).click();
    await page.getByText('Terminating').waitFor();
    expect(at.state.clusters.sent.map(({ call, body }) => [call, body['cluster_id']])).toEqual([
      ['pin', '1120-090000-gpu00003'],
      ['start', '1120-090000-gpu00003'],
      ['delete', CLUSTER],
    ]);
  });

  it('creates one by the keyboard, and keeps what was typed when it is refused', async () => {
    const { page } = at;
    await page.getByRole('button', { name: 'Create cluster' }).click();
    await page.getByRole('heading', { name: 'Create cluster' }).waitFor();
    await page.keyboard.type('too much');
    await page.keyboard.press('Enter');
    await page.getByText('Node type m9.large is not supported.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Analysis');
    await page.getByLabel('Access mode').selectOption('USER_ISOLATION');
    await page.getByRole('radio', { name: /^Range of workers/ }).check();
    await page.getByLabel('Workers, at most').fill('0');
    expect(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled()).toBe(true);
    await page.getByLabel('Workers, at most').fill('3');
    await page.getByText('2 to 4 hosts').waitFor();
    await page.getByLabel('Availability').selectOption('SPOT');
    await page.getByLabel('Spark configuration').fill('spark.a 1');
    await page.getByRole('button', { name: 'JSON' }).click();
    const json = page.getByLabel('Specification');
    const spec = JSON.parse(await json.inputValue()) as Record<string, unknown>;
    await json.fill('{');
    await page.getByRole('alert').last().waitFor();
    await json.fill(JSON.stringify({ ...spec, autotermination_minutes: 45 }));
    await page.getByRole('button', { name: 'Form' }).click();
    expect(await page.getByLabel('Terminate after minutes without use').inputValue()).toBe('45');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'Analysis' }).waitFor();
    expect(sent('create')[1]).toEqual({
      cluster_name: 'Analysis',
      spark_version: '17.3.x-scala2.13',
      data_security_mode: 'USER_ISOLATION',
      node_type_id: 'm5.large',
      autoscale: { min_workers: 1, max_workers: 3 },
      autotermination_minutes: 45,
      spark_conf: { 'spark.a': '1' },
      aws_attributes: { availability: 'SPOT', zone_id: 'auto', first_on_demand: 1 },
    });
  });

  it('shows one: configuration, metrics, events, permissions; resizes and edits it', async () => {
    const { page } = at;
    await page.getByRole('link', { name: 'Nightly ETL' }).click();
    await page.getByText('spark.sql.shuffle.partitions').waitFor();
    await page.getByRole('cell', { name: 'i-0a1b2c3d4e5f60710' }).waitFor();
    await page.getByRole('tab', { name: 'Metrics' }).click();
    await page.getByRole('cell', { name: /^Driver/ }).waitFor();
    await page.getByRole('tab', { name: 'Event log' }).click();
    await page.getByText('Ended after 60 minutes without use').waitFor();
    await page.getByText('autotermination_minutes, by admin@biplane.local').waitFor();
    await page.getByRole('tab', { name: 'Permissions' }).click();
    await page.getByRole('button', { name: 'Grant access' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('analysts');
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
    await page.getByText('analysts: CAN ATTACH TO').waitFor();
    await page.getByRole('button', { name: 'Actions for Nightly ETL' }).click();
    await page.getByRole('menuitem', { name: 'Resize' }).click();
    await page.getByRole('dialog').getByLabel('Workers, at most').fill('6');
    await page.getByRole('button', { name: 'Resize' }).click();
    await page.getByText('Resizing').waitFor();
    expect(sent('resize')).toEqual([{ cluster_id: CLUSTER, autoscale: { min_workers: 1, max_workers: 6 } }]);
    at.state.clusters.list[0]!.state = 'RUNNING';
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByText('To save means to restart it').waitFor();
    await page.getByLabel('Environment variables').fill('STAGE=test');
    await page.getByRole('button', { name: 'Save and restart' }).click();
    await page.getByRole('tab', { name: 'Configuration' }).waitFor();
    expect(sent('edit')[0]).toMatchObject({ cluster_id: CLUSTER, spark_env_vars: { STAGE: 'test' }, autoscale: { min_workers: 1, max_workers: 4 } });
  });

  it('says why one ended, and deletes it', async () => {
    const { page } = at;
    await page.getByRole('link', { name: 'Training' }).click();
    await page.getByText('AWS has no such host left').waitFor();
    await page.getByText('sufficient p4d.24xlarge capacity').waitFor();
    await page.getByRole('button', { name: 'Actions for Training' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete cluster' }).click();
    await page.getByText('Training deleted').waitFor();
    expect(new URL(page.url()).pathname).toBe('/clusters');
    expect(await page.getByRole('link', { name: 'Training' }).count()).toBe(0);
  });

  it('has an empty and an error state', async () => {
    const { page, state } = at;
    state.empty = true;
    await page.reload();
    await page.getByRole('heading', { name: 'No cluster' }).waitFor();
    state.empty = false;
    state.broken = true;
    await page.reload();
    await page.getByText('The server failed').waitFor();
    state.broken = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'Nightly ETL' }).waitFor();
    await page.goto(`${at.base}/clusters/none`);
    await page.getByRole('heading', { name: 'No such cluster' }).waitFor();
  });
});
