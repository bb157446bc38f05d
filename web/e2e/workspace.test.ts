/** The pages of folders, notebooks and files against a pretended server. */
import { expect, it } from 'vitest';
import { usePages } from './pages';

const at = usePages();
const content = (name: string) => at.state.objects.objects.find(({ path }) => path.endsWith(`/${name}`))?.content;

it('leads from the workspace to a notebook, which is edited and kept', async () => {
  const { page } = at;
  await page.goto(`${at.base}/workspace`);
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('link', { name: 'etl' }).click();
  await page.getByText('Python notebook').waitFor();
  await page.getByText('print(1)').waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Text of etl').fill('print(2)');
  await page.keyboard.press('Control+s');
  await page.getByText('etl saved').waitFor();
  expect(content('etl')).toBe('print(2)');
  await page.getByRole('tab', { name: 'Permissions' }).click();
  await page.getByRole('button', { name: 'Grant access' }).waitFor();
});

it('makes, uploads and deletes', async () => {
  const { page } = at;
  await page.goto(`${at.base}/workspace/Shared`);
  await page.getByText('Nothing here').waitFor();
  await page.getByRole('button', { name: 'New folder' }).click();
  await page.getByLabel('Name').fill('a/b');
  expect(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled()).toBe(true);
  await page.getByLabel('Name').fill('reports');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('link', { name: 'reports' }).waitFor();
  await page.getByLabel('Choose files to upload').setInputFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b') });
  await page.getByRole('link', { name: 'rows.csv' }).waitFor();
  expect(content('rows.csv')).toBe('a,b');
  await page.getByLabel('Choose files to upload').setInputFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from('c') });
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByText('1 file uploaded').first().waitFor();
  await expect.poll(() => content('rows.csv')).toBe('c');
  await page.getByRole('button', { name: 'Actions for rows.csv' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('rows.csv deleted').waitFor();
  expect(content('rows.csv')).toBeUndefined();
  await page.getByRole('button', { name: 'New notebook' }).click();
  await page.getByLabel('Name').fill('first');
  await page.getByLabel('Language').selectOption('SQL');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByText('SQL notebook').waitFor();
});

it('says what is not there', async () => {
  const { page } = at;
  await page.goto(`${at.base}/workspace/Shared/nothing`);
  await page.getByText("Path (/Shared/nothing) doesn't exist.").waitFor();
});
