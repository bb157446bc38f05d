/** The account console against a pretended server. */
import { describe, expect, it } from 'vitest';
import { NO_ROUTE } from './mock-account';
import { usePages } from './pages';

const at = usePages();
const sent = (path: string) => at.state.account.sent.filter((one) => one.path === path).map(({ method, body }) => [method, body]);

describe('the account console', () => {
  it('makes a workspace in a cloud account, and waits for it', async () => {
    const { page, state } = at;
    await page.goto(`${at.base}/sql`);
    await page.locator('.cm-content').waitFor();
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    await page.getByText(NO_ROUTE).waitFor();
    await page.getByRole('button', { name: 'Create workspace' }).click();
    const dialog = page.getByRole('dialog');
    await page.keyboard.type('west');
    await dialog.getByRole('radio', { name: /^Own cloud account/ }).check();
    await dialog.getByLabel('Credentials').selectOption({ label: 'production' });
    await dialog.getByLabel('Storage').selectOption({ label: 'root' });
    expect(await dialog.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
    expect(await dialog.getByLabel('Network', { exact: true }).locator('option').allTextContents()).toEqual(['Choose…', 'spare']);
    await dialog.getByLabel('Network', { exact: true }).selectOption({ label: 'spare' });
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByText('In the works.').waitFor();
    expect(sent('workspaces')).toEqual([
      ['POST', { workspace_name: 'west', aws_region: 'eu-west-1', compute_mode: 'HYBRID', credentials_id: 'c1', storage_configuration_id: 's1', network_id: 'n2' }],
    ]);
    Object.assign(state.account.workspaces[2]!, { workspace_status: 'RUNNING' });
    await page.getByText('In the works.').waitFor({ state: 'detached' });
  });

  it('says what to fix, tries again, and changes what it is made of', async () => {
    const { page } = at;
    await page.goto(`${at.base}/account/workspaces/2`);
    await page.getByText('It could not be made.').waitFor();
    await page.getByText('sg-0c3 lets everybody in.').waitFor();
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Network', { exact: true }).selectOption({ label: 'spare' });
    await page.getByRole('button', { name: 'Save and try again' }).click();
    await page.getByText('Workspace is being updated.').waitFor();
    expect(sent('workspaces/2')[0]).toEqual([
      'PATCH',
      { workspace_name: 'lab', credentials_id: 'c1', storage_configuration_id: 's1', network_id: 'n2' },
    ]);
    await page.getByLabel('Metastore').selectOption({ label: 'second (eu-west-1)' });
    await page.getByText('Metastore assigned').waitFor();
  });

  it('lets people in and out, and deletes a workspace by its name', async () => {
    const { page } = at;
    await page.goto(`${at.base}/account/workspaces/2`);
    await page.getByRole('button', { name: 'Let in' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Who').selectOption({ label: 'data scientists' });
    await dialog.getByRole('button', { name: 'Let in' }).click();
    await page.getByLabel('data scientists is here as').selectOption('ADMIN');
    await page.getByText('data scientists: Admin').waitFor();
    await page.getByRole('button', { name: 'Take data scientists out' }).click();
    await page.getByRole('button', { name: 'Take out' }).click();
    await page.getByLabel('data scientists is here as').waitFor({ state: 'detached' });
    expect(sent('workspaces/2/permissionassignments/principals/7').map(([method]) => method)).toEqual(['PUT', 'PUT', 'DELETE']);
    await page.getByRole('button', { name: 'Actions for lab' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    expect(await page.getByRole('button', { name: 'Delete workspace' }).isDisabled()).toBe(true);
    await page.getByRole('dialog').getByRole('textbox').fill('lab');
    await page.keyboard.press('Enter');
    await page.getByText('lab is being deleted').waitFor();
    expect(await page.getByRole('link', { name: 'lab', exact: true }).count()).toBe(0);
  });

  it('keeps credentials and networks, and tells which are in use', async () => {
    const { page } = at;
    await page.goto(`${at.base}/account/credentials`);
    await page.getByRole('button', { name: 'Actions for production' }).click();
    expect(await page.getByRole('menuitem', { name: 'Delete (in use)' }).isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Create credentials' }).click();
    await page.getByLabel('Name').fill('second');
    await page.getByLabel('ARN of the role').fill('arn:aws:iam::1:user/x');
    await page.getByText('An ARN of a role').waitFor();
    await page.getByLabel('ARN of the role').fill('arn:aws:iam::123456789012:role/two');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Actions for second' }).waitFor();
    await page.getByRole('link', { name: 'Networks' }).click();
    await page.getByRole('button', { name: 'Create network' }).click();
    await page.getByLabel('Name').fill('net');
    await page.getByLabel('VPC', { exact: true }).fill('vpc-1');
    await page.getByLabel('Subnets').fill('subnet-1');
    await page.getByText('At least 2.').waitFor();
    await page.getByLabel('Subnets').fill('subnet-1, subnet-2');
    await page.getByLabel('Security groups').fill('sg-1');
    await page.getByLabel('Endpoint for REST').selectOption({ label: 'office' });
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('button', { name: 'Actions for net' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('net deleted').waitFor();
    expect(sent('networks')).toEqual([
      ['POST', { network_name: 'net', vpc_id: 'vpc-1', subnet_ids: ['subnet-1', 'subnet-2'], security_group_ids: ['sg-1'], vpc_endpoints: { rest_api: ['e1'] } }],
    ]);
  });

  it('knows the people of the account, and is empty or broken in words', async () => {
    const { page, state } = at;
    await page.goto(`${at.base}/account/users`);
    await page.getByRole('button', { name: 'Actions for ben@example.com' }).click();
    await page.getByRole('menuitem', { name: 'Make account admin' }).click();
    await page.getByText('Account admin', { exact: true }).nth(1).waitFor();
    await page.getByRole('link', { name: 'Groups' }).click();
    await page.getByText('data scientists').waitFor();
    state.empty = true;
    await page.goto(`${at.base}/account/networks`);
    await page.getByRole('heading', { name: 'No network' }).waitFor();
    state.empty = false;
    state.broken = true;
    await page.goto(`${at.base}/account/keys`);
    await page.getByText('The server failed').waitFor();
  });
});
