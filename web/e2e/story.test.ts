/**
 * The real story in a real browser against a running server (BIPLANE_URL, BIPLANE_USER,
 * BIPLANE_PASSWORD). Leaves nothing behind but rows in the query history.
 */
import { mkdirSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launch } from './browser';

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name}: the story needs a running server, see web/README.md.`);
  return value;
}

const base = setting('BIPLANE_URL').replace(/\/$/, '');
const user = setting('BIPLANE_USER');
const password = setting('BIPLANE_PASSWORD');
const shots = process.env['SHOTS'];
const mark = `web_${Date.now().toString(36)}`;
const CSV = 'carrier,flights,delay\nAA,32729,8.6\nUA,58665,12.1\nDL,48110,9.3\nB6,54635,13.0\n';

let browser: Browser;
let context: BrowserContext;
let page: Page;
const problems: string[] = [];

beforeAll(async () => {
  browser = await launch();
  context = await browser.newContext({
    viewport: { width: 1360, height: 860 },
    colorScheme: 'light',
    ignoreHTTPSErrors: true,
    acceptDownloads: true,
  });
  page = await context.newPage();
  // The first minutes of a server also make its samples, on the same warehouse.
  page.setDefaultTimeout(90_000);
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  if (shots) mkdirSync(shots, { recursive: true });
});

afterAll(async () => {
  await browser?.close();
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await shot('failed');
});

async function shot(name: string): Promise<void> {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

async function runSql(sql: string): Promise<void> {
  if (!page.url().endsWith('/sql')) await page.getByRole('link', { name: 'SQL editor' }).click();
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(sql);
  await page.keyboard.press('Control+Enter');
}

async function resultRow(...cells: string[]): Promise<void> {
  const grid = page.getByRole('grid', { name: 'Result' });
  for (const cell of cells) await grid.getByRole('gridcell', { name: cell, exact: true }).first().waitFor();
}

describe('the story of the web app', () => {
  it('refuses a wrong password and takes the right one', async () => {
    await page.goto(`${base}/warehouses`);
    await page.getByLabel('User name').fill(user);
    await page.getByLabel('Password').fill(`${password}x`);
    await page.keyboard.press('Enter');
    await page.getByText('do not match').waitFor();
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'SQL warehouses' }).waitFor();
    await page.getByText('Starter Warehouse').first().waitFor();
    await shot('1-warehouses');
  });

  it('shows who may use the warehouse', async () => {
    await page.getByRole('row', { name: /Starter Warehouse/ }).getByRole('link').click();
    await page.getByRole('tab', { name: 'Permissions' }).click();
    await page.getByLabel('Permission of users').selectOption('CAN_MONITOR');
    await page.getByText('users: CAN MONITOR').waitFor();
    await page.getByLabel('Permission of users').selectOption('CAN_USE');
    await page.getByText('users: CAN USE').waitFor();
    await page.getByRole('link', { name: 'SQL warehouses' }).click();
    await page.getByRole('heading', { name: 'SQL warehouses' }).waitFor();
  });

  it('stops and starts the warehouse', async () => {
    const row = page.getByRole('row', { name: /Starter Warehouse/ });
    const stop = row.getByRole('button', { name: 'Stop' });
    const start = row.getByRole('button', { name: 'Start Starter Warehouse' });
    await stop.or(start).first().waitFor();
    if (await stop.isVisible()) {
      await stop.click();
      await row.getByText('Stopped').waitFor();
    }
    await start.click();
    await row.getByText('Running').waitFor();
  });

  it('runs a statement', async () => {
    await runSql('select 1 as one, current_user() as me, cast(null as string) as nothing');
    await resultRow('1', user, 'NULL');
    await shot('2-select');
  });

  it('shows an error with its class and marks its place', async () => {
    await runSql(`select *\nfrom main.default.no_such_table_${mark}`);
    await page.getByText('TABLE_OR_VIEW_NOT_FOUND', { exact: true }).waitFor();
    await shot('3-error');
    await runSql('select 1 +');
    await page.getByText('PARSE_SYNTAX_ERROR', { exact: true }).waitFor();
    await shot('3-syntax');
  });

  it('fetches later chunks of a large result', async () => {
    await runSql(`select *, 'x' as mark from range(10000)`);
    await resultRow('0');
    const grid = page.getByRole('grid', { name: 'Result' });
    await grid.focus();
    await page.keyboard.press('Control+End');
    await grid.getByRole('gridcell', { name: '9999', exact: true }).waitFor();
  });

  it('saves the whole result as a CSV file', async () => {
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'CSV' }).click();
    const file = await saving;
    const chunks: Buffer[] = [];
    for await (const chunk of await file.createReadStream()) chunks.push(chunk as Buffer);
    const lines = Buffer.concat(chunks).toString().trim().split(/\r?\n/);
    expect(lines[0]).toMatch(/,mark$/);
    expect(lines).toHaveLength(10_001);
  });

  it('keeps a session: USE and a temporary view last, a closed session is renewed', async () => {
    await runSql('use samples.information_schema');
    await page.getByText('has no rows to show').waitFor();
    await page.getByLabel('Schema', { exact: true }).locator('option:checked', { hasText: 'information_schema' }).waitFor({ state: 'attached' });
    await runSql("create temporary view answers as select 42 as answer, 'x' as letter");
    await page.getByText('has no rows to show').waitFor();
    await runSql('select answer, current_schema() from answers where letter = :letter');
    await page.getByLabel(':letter').fill('x');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await resultRow('42', 'information_schema');
    await page.reload();
    await resultRow('42', 'information_schema');
    const closed = await page.evaluate(async () => {
      const id = /"session":\{"id":"([^"]+)"/.exec(localStorage.getItem('biplane.sql.tabs') ?? '')?.[1];
      const token = /biplane_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? '';
      return (await fetch(`/api/2.0/sql/sessions/${id}`, { method: 'DELETE', headers: { 'X-CSRF-Token': token } })).status;
    });
    expect(closed).toBe(200);
    await runSql('select current_schema() as still_here');
    await page.getByText('The session had ended').waitFor();
    await resultRow('information_schema');
    await page.getByRole('combobox', { name: 'Catalog' }).selectOption('main');
  });

  it('sorts and filters what came', async () => {
    // The samples fill in the background: until then there is no such table.
    const column = page.getByRole('button', { name: 'n_name string' });
    const missing = page.getByText('TABLE_OR_VIEW_NOT_FOUND', { exact: true });
    await expect
      .poll(async () => {
        await runSql('select n_name, n_regionkey from samples.tpch.nation');
        // What was shown before goes as soon as the new statement runs.
        await column.or(missing).first().waitFor();
        return column.isVisible();
      }, { timeout: 120_000, interval: 1_000 })
      .toBe(true);
    await column.click();
    await page.getByRole('button', { name: 'Descending' }).click();
    const first = page.getByRole('grid', { name: 'Result' }).getByRole('gridcell').first();
    await expect.poll(() => first.textContent()).toBe('VIETNAM');
    await page.getByRole('button', { name: /^n_regionkey/ }).click();
    await page.getByLabel('Filter').fill('= 0');
    await page.keyboard.press('Enter');
    await page.getByText('5 of 25 rows').waitFor();
  });

  it('cancels a long statement', async () => {
    await runSql('select count(*) from range(1000000) a cross join range(1000000) b');
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
  });

  it('makes a schema and a volume in the catalog', async () => {
    await page.getByRole('link', { name: 'Catalog' }).click();
    await page.getByRole('heading', { name: 'Catalogs' }).waitFor();
    await page.goto(`${base}/catalog/main`);
    await page.getByRole('button', { name: 'Create schema' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill(mark);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: mark }).waitFor();
    await page.getByRole('button', { name: 'Create volume' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('landing');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: 'landing' }).waitFor();
    await page.getByRole('heading', { name: 'No files here' }).waitFor();
  });

  it('uploads a file and makes it a table', async () => {
    await page.goto(`${base}/upload?catalog=main&schema=${mark}`);
    await page.getByText('Drop a file here').waitFor();
    await page.getByLabel('File to upload').setInputFiles({ name: 'Carriers 2013.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) });
    const preview = page.getByRole('grid', { name: 'Preview' });
    await preview.getByRole('gridcell', { name: '58665' }).waitFor();
    await shot('4-upload');
    await page.getByLabel('Table', { exact: true }).fill('carriers');
    await page.getByRole('button', { name: 'Create table' }).click();
    const made = page.getByText(`main.${mark}.carriers is there`);
    const failed = page.locator('.sql-error');
    await made.or(failed).waitFor();
    expect(await failed.allTextContents()).toEqual([]);
    await page.getByRole('link', { name: 'Open the table' }).click();
    await page.getByRole('cell', { name: 'carrier', exact: true }).waitFor();
  });

  it('shows columns, sample rows, history and permissions of the table', async () => {
    await page.getByRole('tab', { name: 'Sample data' }).click();
    await page.getByRole('grid', { name: 'Sample rows' }).getByText('48110').waitFor();
    await shot('5-sample');
    await page.getByRole('tab', { name: 'History' }).click();
    await page.getByRole('grid', { name: 'History' }).getByText(/^(WRITE|CREATE)/).first().waitFor();
    await page.getByRole('tab', { name: 'Permissions' }).click();
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To').fill('account users');
    await dialog.getByLabel('SELECT').check();
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('cell', { name: 'account users', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Revoke SELECT from account users' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('heading', { name: 'Nothing granted here' }).waitFor();
    await page.getByRole('tab', { name: 'Details' }).click();
    await page.getByText('DELTA').waitFor();
  });

  it('joins it in the editor and draws a chart', async () => {
    await runSql(`select carrier, sum(flights) as flights\nfrom main.${mark}.carriers\ngroup by carrier order by carrier`);
    await resultRow('AA', '32729');
    await page.getByRole('tab', { name: 'Chart' }).click();
    await page.getByRole('img', { name: /bar chart/ }).waitFor();
    await shot('6-chart');
    await page.getByRole('link', { name: 'Profile' }).click();
  });

  it('shows the query with its plan in the history', async () => {
    await page.getByRole('treegrid', { name: 'Plan profile' }).getByRole('row').nth(1).waitFor();
    await shot('7-profile');
    await page.getByRole('link', { name: 'Query history' }).first().click();
    await page.getByRole('link', { name: /group by carrier/ }).first().waitFor();
    await page.getByLabel('Status').selectOption({ label: 'Failed' });
    await page.getByRole('link', { name: new RegExp(`no_such_table_${mark}`) }).waitFor();
    await shot('8-history');
  });

  it('shows what runs: the engine, its sandbox, its host', async () => {
    await page.goto(`${base}/warehouses`);
    await page.getByRole('link', { name: 'Starter Warehouse' }).click();
    const engine = page.getByRole('region', { name: 'Engines' }).getByRole('row').nth(1);
    await engine.getByText('Running').waitFor();
    await engine.getByRole('img', { name: /^Memory: \d/ }).waitFor();
    await shot('8a-warehouse');
    await page.getByRole('tab', { name: 'Monitoring' }).click();
    const engines = page.getByRole('slider', { name: 'Engines over time' });
    await expect.poll(() => engines.getAttribute('aria-valuetext')).toMatch(/Running 1$/);
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText(/ready after/).first().waitFor();
    await page.getByRole('link', { name: 'SQL warehouses' }).click();
    await page.getByRole('link', { name: 'Serverless' }).click();
    await page.getByRole('row', { name: /Starter Warehouse/ }).getByRole('button', { name: /^Details/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Sandbox' });
    await dialog.getByText('To the internet').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Hosts' }).click();
    const host = page.getByRole('region', { name: 'All hosts' }).getByRole('row').nth(1);
    await host.getByText('Ready').waitFor();
    await host.getByRole('link').click();
    await page.getByRole('dialog', { name: 'Host' }).getByRole('link', { name: 'Starter Warehouse' }).waitFor();
    await shot('8b-host');
    await page.keyboard.press('Escape');
  });

  it('makes a network policy, and shows what holds here', async () => {
    await page.getByRole('link', { name: 'Network' }).click();
    await page.getByRole('region', { name: 'May reach' }).getByText('default-policy').waitFor();
    await page.getByRole('link', { name: 'Policies', exact: true }).click();
    await page.getByRole('button', { name: 'Create policy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill(mark);
    await dialog.getByLabel('Internet destinations').fill('pypi.org\nfiles.pythonhosted.org');
    await dialog.getByRole('button', { name: 'Create' }).click();
    const row = page.getByRole('row', { name: new RegExp(mark) });
    await row.getByText('2 hosts').waitFor();
    await shot('8c-policies');
    await row.getByRole('button', { name: /^Actions/ }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete policy' }).click();
    await row.waitFor({ state: 'detached' });
  });

  it('runs a cluster on a host of its own, and deletes it', async () => {
    await page.getByRole('link', { name: 'Compute', exact: true }).click();
    await page.getByRole('link', { name: 'Clusters', exact: true }).click();
    await page.getByRole('button', { name: 'Create cluster' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill(mark);
    await page.getByRole('radio', { name: /^Single node/ }).check();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('heading', { name: mark }).waitFor();
    await page.getByText('Running', { exact: true }).first().waitFor();
    await page.getByRole('tab', { name: 'Metrics' }).click();
    await page.getByRole('cell', { name: /^Driver/ }).waitFor();
    await shot('8d-cluster');
    await page.getByRole('button', { name: `Actions for ${mark}` }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete cluster' }).click();
    await page.getByText(`${mark} deleted`).waitFor();
  });

  it('keeps a notebook in a folder of the workspace', async () => {
    await page.goto(`${base}/workspace/Shared`);
    await page.getByRole('button', { name: 'New folder' }).click();
    await page.getByLabel('Name').fill(mark);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('link', { name: mark }).click();
    await page.getByRole('button', { name: 'New notebook' }).click();
    await page.getByLabel('Name').fill('first');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Text of first').fill('print(6 * 7)');
    await page.keyboard.press('Control+s');
    await page.getByText('first saved').waitFor();
    await page.reload();
    await page.getByText('print(6 * 7)').waitFor();
    await shot('8e-notebook');
    await page.goto(`${base}/workspace/Shared`);
    await page.getByRole('button', { name: `Actions for ${mark}` }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText(`${mark} deleted`).waitFor();
  });

  it('shows the account with its workspace and people', async () => {
    await page.getByRole('link', { name: 'Account', exact: true }).click();
    const row = page.getByRole('row').nth(1);
    await row.getByText('Running').waitFor();
    await row.getByRole('link').first().click();
    await page.getByLabel(/is here as$/).first().waitFor();
    await shot('8f-account');
  });

  it('makes and revokes a token', async () => {
    await page.goto(`${base}/settings/tokens`);
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByLabel('What is it for?').fill(mark);
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    const token = (await page.getByText(/^dapi/).textContent()) ?? '';
    const answer = await fetch(`${base}/api/2.0/preview/scim/v2/Me`, { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(200);
    await page.getByRole('button', { name: 'I have copied it' }).click();
    await page.getByRole('row', { name: new RegExp(mark) }).getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('row', { name: new RegExp(mark) }).waitFor({ state: 'detached' });
  });

  it('lists people for an admin', async () => {
    for (const section of ['Users', 'Groups', 'Service principals']) {
      await page.getByRole('link', { name: section }).click();
      await page.getByRole('heading', { name: section, exact: true }).waitFor();
      expect(await page.getByRole('alert').count()).toBe(0);
    }
  });

  it('turns dark', async () => {
    await page.getByRole('link', { name: 'Profile' }).click();
    await page.getByLabel('Dark').check();
    await page.goto(`${base}/sql`);
    await page.locator('.cm-content').waitFor();
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(background).toBe('rgb(17, 22, 28)');
    await shot('9-dark');
  });

  it('deletes what it made, signs out, and is asked to sign in again', async () => {
    await page.goto(`${base}/catalog/main/${mark}`);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Delete schema' }).click();
    await page.getByLabel(`Type ${mark} to confirm`).fill(mark);
    await page.getByLabel('Also delete everything in it').check();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'main' }).waitFor();
    await page.getByRole('button', { name: /^Account of/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${base}/history`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(problems).toEqual([]);
  });
});
