/** The built pages in a real browser against a pretended server: states a real one is rarely in. */
import { existsSync, statSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { preview, type PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launch, POLICY } from './browser';
import { mockServer, newState, type MockState } from './mock';

let server: PreviewServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let state: MockState;
let base: string;
const problems: string[] = [];

beforeAll(async () => {
  server = await preview({ preview: { port: 0, host: '127.0.0.1', headers: { 'Content-Security-Policy': POLICY } }, logLevel: 'error' });
  base = server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '';
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  problems.length = 0;
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  state = newState();
  await mockServer(page, state);
});

afterEach(async () => {
  await context.close();
  expect(problems).toEqual([]);
});

async function openEditor(sql: string): Promise<void> {
  await page.goto(`${base}/sql`);
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(sql);
}

describe('signing in', () => {
  it('leads a signed-out visitor to the sign-in page and back', async () => {
    state.signedIn = false;
    await page.goto(`${base}/history?status=FAILED`);
    await page.getByLabel('User name').fill('ada');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('do not match').waitFor();
    await page.getByLabel('Password').fill('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Query history' }).waitFor();
    expect(new URL(page.url()).search).toBe('?status=FAILED');
  });

  it('does so when the session ends in the middle', async () => {
    await page.goto(`${base}/warehouses`);
    await page.getByText('Starter Warehouse').waitFor();
    state.signedIn = false;
    await page.getByRole('button', { name: 'Start Reporting' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(page.url()).toContain(`next=${encodeURIComponent('/warehouses')}`);
  });
});

describe('the SQL editor', () => {
  it('shows rows, fetches later chunks on scroll and copies a row', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await openEditor('SELECT * FROM samples.tpch.orders');
    await page.keyboard.press('Control+Enter');
    const grid = page.getByRole('grid', { name: 'Result' });
    await grid.getByRole('gridcell').first().waitFor();
    expect(await grid.getAttribute('aria-rowcount')).toBe('2501');
    await grid.focus();
    await page.keyboard.press('Control+ArrowDown');
    await grid.getByText('2500', { exact: true }).waitFor();
    await page.keyboard.press('Control+Shift+C');
    await page.getByText('Row copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^2500\t/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('Row 2,500').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('runs the statement at the cursor, or all of them', async () => {
    await openEditor('select 1;\nSELECT 2;\nCREATE TABLE t (a int)');
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('grid').waitFor();
    expect(state.statements).toEqual(['select 1']);
    await page.getByRole('button', { name: 'Run all' }).click();
    await page.getByText('has no rows to show').waitFor();
    expect(state.statements.slice(1)).toEqual(['select 1', 'SELECT 2', 'CREATE TABLE t (a int)']);
    expect(await page.getByRole('group', { name: 'Statements' }).getByRole('button').count()).toBe(3);
  });

  it('marks an error at its place', async () => {
    await openEditor('select 1;\nSELECT *\nFROM nowhere');
    await page.keyboard.press('Control+Enter');
    await page.getByText('TABLE_OR_VIEW_NOT_FOUND', { exact: true }).waitFor();
    expect(await page.locator('.cm-lintRange-error').textContent()).toBe('nowhere');
  });

  it('cancels with Escape', async () => {
    state.hang = true;
    await openEditor('select 1');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Running…').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Cancelled' }).waitFor();
    expect(state.cancelled).toBe(true);
  });

  it('keeps tabs over a reload', async () => {
    await openEditor('select 42');
    await page.getByRole('button', { name: 'New query' }).click();
    await page.getByRole('tab', { name: 'Query 2' }).waitFor();
    await page.reload();
    await page.getByRole('tab', { name: 'Query 1' }).click();
    await page.getByText('select 42').waitFor();
  });

  it('keeps a session for each tab, follows USE, and says when a session was renewed', async () => {
    await openEditor('use samples.tpch');
    await page.keyboard.press('Control+Enter');
    await page.getByText('has no rows to show').waitFor();
    await page.getByLabel('Schema', { exact: true }).locator('option:checked', { hasText: 'tpch' }).waitFor({ state: 'attached' });
    await openEditor('select 1');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('gridcell').first().waitFor();
    expect(state.requests.map(({ session_id }) => session_id)).toEqual(['session-1', 'session-1']);
    state.sessions.clear();
    await page.keyboard.press('Control+Enter');
    await page.getByText('The session had ended').waitFor();
    await page.getByRole('gridcell').first().waitFor();
    expect([...state.sessions.values()]).toEqual([{ catalog: 'samples', schema: 'tpch' }]);
  });

  it('asks for parameters and sends them with their types', async () => {
    await openEditor("SELECT * FROM samples.tpch.orders WHERE a = :first AND b > :since AND c = ':no' LIMIT 50");
    const bar = page.getByRole('group', { name: 'Parameters' });
    await bar.getByLabel(':first').fill('x');
    await bar.getByLabel('Type of since').selectOption('DATE');
    await bar.getByLabel(':since').fill('2026-01-31');
    expect(await bar.getByRole('textbox').count()).toBe(2);
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('gridcell').first().waitFor();
    expect(state.requests.at(-1)?.parameters).toEqual([
      { name: 'first', type: 'STRING', value: 'x' },
      { name: 'since', type: 'DATE', value: '2026-01-31' },
    ]);
  });

  it('shows the last result again after a reload', async () => {
    await openEditor('SELECT * FROM samples.tpch.orders LIMIT 50');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('gridcell').first().waitFor();
    await page.reload();
    await page.getByRole('gridcell', { name: 'quick ideas sleep along the 1 bold packages' }).waitFor();
    expect(state.statements).toHaveLength(1);
  });

  it('sorts, filters and sums up a column', async () => {
    await openEditor('SELECT * FROM samples.tpch.orders');
    await page.keyboard.press('Control+Enter');
    const grid = page.getByRole('grid', { name: 'Result' });
    await grid.getByRole('gridcell').first().waitFor();
    await page.getByRole('button', { name: 'o_orderkey bigint' }).click();
    const panel = page.getByRole('dialog', { name: 'Column o_orderkey' });
    await panel.getByText('2,500').first().waitFor();
    await panel.getByRole('button', { name: 'Descending' }).click();
    await page.getByText('o_orderkey descending').waitFor();
    await grid.getByRole('gridcell', { name: '2500', exact: true }).waitFor();
    await grid.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Alt+ArrowDown');
    await page.getByRole('dialog', { name: 'Column status' }).getByLabel('Filter').fill('= F');
    await page.keyboard.press('Enter');
    await page.getByText('834 of 2,500 rows').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await grid.getAttribute('aria-rowcount')).toBe('2501');
  });

  it('copies the result as Markdown', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await openEditor('SELECT 1 FROM t LIMIT 50');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('gridcell').first().waitFor();
    await page.getByRole('button', { name: 'Copy the result as' }).click();
    await page.getByRole('menuitem', { name: 'Copy as Markdown table' }).click();
    await page.getByText('All 50 rows copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^\| o_orderkey \| status \|/);
  });

  it('formats, keeps a snippet, and brings back what ran before', async () => {
    await openEditor('select a,b from t where x=1');
    await page.getByRole('button', { name: 'More editor actions' }).click();
    await page.getByRole('menuitem', { name: 'Format' }).click();
    await page.locator('.cm-line', { hasText: /^FROM$/ }).waitFor();
    await page.getByRole('button', { name: 'More editor actions' }).click();
    await page.getByRole('menuitem', { name: 'Save as snippet' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('mine');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Snippets' }).click();
    await page.getByRole('list', { name: 'Snippets' }).getByText('mine').waitFor();
    await page.getByRole('tab', { name: 'Recent' }).click();
    await page.getByRole('list', { name: 'Recent statements' }).getByRole('button', { name: 'Open in a new tab' }).first().click();
    await page.locator('.cm-content', { hasText: 'JOIN samples.tpch.lineitem' }).waitFor();
  });

  it('walks the tree by keyboard and inserts a name', async () => {
    await openEditor('select * from ');
    await page.getByRole('treeitem', { name: 'samples' }).waitFor();
    await page.getByRole('tree').focus();
    await page.keyboard.press('s');
    await page.keyboard.press('ArrowRight');
    await page.getByRole('treeitem', { name: 'tpch' }).waitFor();
    await page.keyboard.press('t');
    await page.keyboard.press('ArrowRight');
    await page.getByRole('treeitem', { name: 'orders' }).waitFor();
    await page.keyboard.press('o');
    await page.keyboard.press('Enter');
    await page.locator('.cm-content', { hasText: 'select * from samples.tpch.orders' }).waitFor();
  });

  it('draws a chart', async () => {
    await openEditor('SELECT * FROM samples.tpch.orders');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('tab', { name: 'Chart' }).click();
    await page.getByRole('img', { name: /^line chart/ }).waitFor();
    for (const type of ['Bar', 'Scatter', 'Pie']) {
      await page.getByLabel('Type').selectOption({ label: type });
      await page.getByRole('img', { name: new RegExp(`^${type} chart`, 'i') }).waitFor();
    }
  });
});

describe('the catalog', () => {
  it('opens a table by its address, and grants a privilege', async () => {
    await page.goto(`${base}/catalog/samples/tpch/orders`);
    await page.getByRole('cell', { name: 'decimal(15,2)' }).waitFor();
    await page.getByRole('tab', { name: 'Permissions' }).click();
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To').fill('ben@example.com');
    await dialog.getByLabel('SELECT').check();
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByRole('cell', { name: 'ben@example.com', exact: true }).waitFor();
    expect(state.grants.at(-1)).toEqual({ principal: 'ben@example.com', privileges: ['SELECT'] });
  });

  it('uploads a file and asks before it replaces one', async () => {
    await page.goto(`${base}/volumes/main/default/landing`);
    const file = (name: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from('a,b\n1,2\n') });
    await page.getByLabel('Choose files to upload').setInputFiles(file('new.csv'));
    await page.getByRole('cell', { name: 'new.csv', exact: true }).waitFor();
    await page.getByLabel('Choose files to upload').setInputFiles(file('notes.txt'));
    await page.getByRole('dialog', { name: 'Replace notes.txt?' }).waitFor();
    await page.keyboard.press('Escape');
  });

  it('does not start a stopped warehouse unasked', async () => {
    state.warehouses = state.warehouses.slice(1);
    await page.goto(`${base}/catalog/samples/tpch/orders?tab=sample`);
    await page.getByRole('heading', { name: 'Reporting is not running' }).waitFor();
    expect(state.statements).toEqual([]);
    await page.getByRole('button', { name: 'Start it and load' }).click();
    await page.getByRole('grid').waitFor();
  });
});

describe('warehouses', () => {
  it('grants, changes and takes away access', async () => {
    await page.goto(`${base}/warehouses/a1b2c3d4e5f60718`);
    await page.getByRole('tab', { name: 'Permissions' }).click();
    await page.getByText('inherited from /sql/warehouses/').waitFor();
    await page.getByRole('button', { name: 'Grant access' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Kind').selectOption({ label: 'User' });
    await dialog.getByLabel('Name').fill('ben@example.com');
    await dialog.getByLabel('Permission').selectOption('CAN_MONITOR');
    await dialog.getByText('What CAN_MONITOR lets people do').waitFor();
    await dialog.getByRole('button', { name: 'Grant' }).click();
    await page.getByLabel('Permission of ben@example.com').selectOption('CAN_MANAGE');
    await expect.poll(() => state.permissions.at(-1)).toEqual({ user_name: 'ben@example.com', permission_level: 'CAN_MANAGE' });
    await page.getByRole('button', { name: 'Remove users' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('button', { name: 'Remove users' }).waitFor({ state: 'detached' });
    expect(state.permissions.map(({ permission_level }) => permission_level)).toEqual(['IS_OWNER', 'CAN_MANAGE']);
  });

  it('lists what runs, and checks the form', async () => {
    await page.goto(`${base}/warehouses/a1b2c3d4e5f60718?tab=monitoring`);
    await page.getByText('1 running, 0 queued').waitFor();
    await page.getByRole('row', { name: /Running/ }).getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(() => state.cancelled).toBe(true);
    await page.getByRole('button', { name: 'Edit' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Add tag' }).click();
    await dialog.getByLabel('Value 1').fill('x');
    await dialog.getByText('A value needs a key.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Key 1').fill('team');
    await dialog.getByLabel('Clusters, at most').fill('0');
    await dialog.getByText('the first not above the second').waitFor();
  });
});

describe('compute', () => {
  it('shows what a warehouse does, and reads its charts by keyboard', async () => {
    await page.goto(`${base}/warehouses`);
    await page.getByRole('link', { name: 'Starter Warehouse' }).click();
    await page.getByRole('heading', { name: 'Starter Warehouse', level: 1 }).waitFor();
    await page.getByRole('table').getByText('2 of 10 statements').waitFor();
    const chart = page.getByRole('slider', { name: 'Statements over time' });
    await chart.focus();
    const last = await chart.getAttribute('aria-valuetext');
    await page.keyboard.press('Home');
    expect(await chart.getAttribute('aria-valuenow')).toBe('0');
    await page.keyboard.press('End');
    expect(await chart.getAttribute('aria-valuetext')).toBe(last);
    await page.getByRole('tab', { name: 'Monitoring' }).click();
    await page.getByRole('button', { name: '24 hours' }).click();
    await page.getByRole('slider', { name: 'Memory over time' }).waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('ready after 240 ms').waitFor();
  });

  it('gives what to paste into tools', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.goto(`${base}/warehouses/a1b2c3d4e5f60718?tab=connection`);
    await page.getByRole('tab', { name: 'dbt' }).click();
    await page.getByRole('button', { name: 'Copy the example' }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain('http_path: /sql/1.0/warehouses/a1b2c3d4e5f60718');
    await page.getByRole('button', { name: 'Copy the HTTP path' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('/sql/1.0/warehouses/a1b2c3d4e5f60718');
  });

  it('says why a sandbox is not isolated in full, and what one uses', async () => {
    await page.goto(`${base}/serverless`);
    await page.getByRole('button', { name: /^Isolation: Degraded/ }).click();
    await page.getByRole('listitem').filter({ hasText: 'control groups are read-only' }).last().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: /ben@example.com/ }).getByRole('button', { name: /^Details/ }).click();
    await page.getByRole('dialog').getByText('412 MiB of 2 GiB').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('row', { name: /ben@example.com/ }).getByRole('link', { name: '7' }).click();
    await page.getByRole('button', { name: 'Of all sandboxes' }).waitFor();
  });

  it('drains a host and takes it back', async () => {
    await page.goto(`${base}/hosts`);
    const row = page.getByRole('row', { name: /dedicated-host/ });
    await row.getByRole('button', { name: /^Actions/ }).click();
    await page.getByRole('menuitem', { name: 'Drain' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await row.getByText('Draining').waitFor();
    await row.getByRole('button', { name: /^Actions/ }).click();
    await page.getByRole('menuitem', { name: 'Take sandboxes again' }).click();
    await row.getByText('Ready').waitFor();
    await page.getByRole('row', { name: /Lost/ }).getByRole('button', { name: /^Actions/ }).click();
    await page.getByRole('menuitem', { name: 'Remove from the list' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Lost', { exact: true }).waitFor({ state: 'detached' });
  });
});

describe('the network', () => {
  it('allows what was denied, in the policy of the workspace', async () => {
    await page.goto(`${base}/network`);
    const row = page.getByRole('row', { name: /files\.example\.org/ });
    await row.getByText("Not in the workspace's network policy").waitFor();
    await row.getByRole('cell', { name: '13' }).waitFor();
    await row.getByRole('button', { name: /^Allow/ }).click();
    await page.getByRole('dialog').getByLabel('*.example.org').check();
    await page.getByRole('dialog').getByRole('button', { name: 'Allow' }).click();
    await page.getByLabel('May reach').getByText('*.example.org').waitFor();
    const allowed = state.compute.policies[1]?.egress?.network_access?.allowed_internet_destinations ?? [];
    expect(allowed.map(({ destination }) => destination)).toContain('*.example.org');
    expect(allowed).toHaveLength(5);
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText('telemetry.example.net', { exact: true }).waitFor();
  });

  it('makes a policy, tries it out and gives it to a workspace', async () => {
    await page.goto(`${base}/network/policies`);
    await page.getByRole('button', { name: 'Create policy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('lab');
    await dialog.getByLabel('Internet destinations').fill('pypi.org\nhttps://nope');
    await dialog.getByText('“https://nope” is not a destination').waitFor();
    expect(await dialog.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Internet destinations').fill('pypi.org\n*.example.com');
    await dialog.getByRole('button', { name: 'Add bucket' }).click();
    await dialog.getByLabel('Bucket 1', { exact: true }).fill('landing');
    await dialog.getByLabel(/^Dry run/).check();
    await dialog.getByLabel('SQL warehouses').check();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: /lab/ }).getByText('2 hosts, 1 bucket').waitFor();
    await page.getByLabel('Policy of main').selectOption('lab');
    await expect.poll(() => state.compute.policy).toBe('lab');
    expect(state.compute.policies.at(-1)?.egress?.network_access?.policy_enforcement).toEqual({
      enforcement_mode: 'DRY_RUN',
      dry_run_mode_product_filter: ['DBSQL'],
    });
  });

  it('keeps lists of addresses', async () => {
    await page.goto(`${base}/network/access-lists`);
    await page.getByRole('button', { name: 'Create list' }).first().click();
    await page.getByLabel('Label').fill('VPN');
    await page.getByLabel('Addresses').fill('office');
    await page.getByText('“office” is not an address.').waitFor();
    await page.getByLabel('Addresses').fill('203.0.113.0/24');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('row', { name: /VPN/ }).waitFor();
    await page.getByRole('button', { name: 'Switch on' }).click();
    await page.getByText('The lists count.').waitFor();
  });

  it('says so when there is nothing', async () => {
    state.empty = true;
    await page.goto(`${base}/serverless`);
    await page.getByRole('heading', { name: 'No sandbox runs' }).waitFor();
    await page.goto(`${base}/hosts`);
    await page.getByRole('heading', { name: 'No host has ever connected' }).waitFor();
    await page.goto(`${base}/network`);
    await page.getByRole('heading', { name: 'Nothing was denied' }).waitFor();
  });
});

it('loads little for the first view', async () => {
  const sizes = new Map<string, number>();
  page.on('request', (request) => {
    const name = /\/assets\/(.+)$/.exec(new URL(request.url()).pathname)?.[1];
    if (!name) return;
    const file = new URL(`../dist/assets/${name}`, import.meta.url);
    sizes.set(name, statSync(existsSync(`${file.pathname}.gz`) ? `${file.pathname}.gz` : file).size);
  });
  await page.goto(`${base}/sql`);
  await page.locator('.cm-content').waitFor();
  const kilobytes = (names: string[]) => names.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) / 1000;
  // These come when the page has been drawn.
  const all = [...sizes.keys()].filter((name) => !/^(editor-extras|Palette)/.test(name));
  expect(kilobytes(all)).toBeLessThan(250);
  expect(kilobytes(all.filter((name) => !/^(Editor|dist)/.test(name)))).toBeLessThan(135);
  expect(all.some((name) => /^(ChartPanel|format-sql)/.test(name))).toBe(false);
});

describe('states', () => {
  it('says what to do when lists are empty', async () => {
    state.empty = true;
    await page.goto(`${base}/warehouses`);
    await page.getByRole('heading', { name: 'No SQL warehouse' }).waitFor();
    await page.goto(`${base}/history`);
    await page.getByRole('heading', { name: 'No queries here' }).waitFor();
    await page.goto(`${base}/settings/tokens`);
    await page.getByRole('heading', { name: 'No tokens' }).waitFor();
  });

  it('offers another try when the server fails', async () => {
    state.broken = true;
    await page.goto(`${base}/warehouses`);
    await page.getByRole('heading', { name: 'The server failed' }).waitFor();
    state.broken = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Starter Warehouse').waitFor();
  });

  it('works by keyboard: skip link, help, going places', async () => {
    await page.goto(`${base}/warehouses`);
    await page.getByText('Starter Warehouse').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('h');
    await page.getByRole('heading', { name: 'Query history' }).waitFor();
  });

  it('switches the theme and keeps it', async () => {
    await page.goto(`${base}/settings`);
    await page.getByLabel('Dark').check();
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.reload();
    await page.getByLabel('Dark').waitFor();
    expect(await background()).toBe(dark);
    await page.getByLabel('Light').check();
    expect(await background()).not.toBe(dark);
  });

  it('shows a new token once', async () => {
    await page.goto(`${base}/settings/tokens`);
    await page.getByRole('button', { name: 'Create token' }).click();
    await page.getByLabel('What is it for?').fill('test');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText('dapi-0123456789abcdef').waitFor();
    await page.getByRole('button', { name: 'I have copied it' }).click();
    expect(await page.getByText('dapi-0123456789abcdef').count()).toBe(0);
  });
});
