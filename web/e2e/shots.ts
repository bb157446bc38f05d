/** Takes pictures of every page, light and dark, into the directory named by SHOTS. */
import { mkdirSync } from 'node:fs';
import { preview } from 'vite';
import { launch, POLICY } from './browser';
import { mockServer, newState } from './mock';

const out = process.env['SHOTS'] ?? '/tmp/shots';
mkdirSync(out, { recursive: true });
const server = await preview({ preview: { port: 4173, host: '127.0.0.1', headers: { 'Content-Security-Policy': POLICY } }, logLevel: 'error' });
const base = 'http://127.0.0.1:4173';
const browser = await launch();
const only = process.argv[2];

const PAGES: [string, string][] = [
  ['login', '/login'],
  ['sql', '/sql'],
  ['catalog', '/catalog'],
  ['catalog-schema', '/catalog/samples/tpch'],
  ['table', '/catalog/samples/tpch/orders'],
  ['sample', '/catalog/samples/tpch/orders?tab=sample'],
  ['permissions', '/catalog/samples/tpch/orders?tab=permissions'],
  ['volume', '/volumes/main/default/landing'],
  ['upload', '/upload?file=/Volumes/main/default/landing/flights.csv'],
  ['warehouses', '/warehouses'],
  ['warehouse', '/warehouses/a1b2c3d4e5f60718'],
  ['warehouse-connection', '/warehouses/a1b2c3d4e5f60718?tab=connection'],
  ['warehouse-monitoring', '/warehouses/a1b2c3d4e5f60718?tab=monitoring'],
  ['warehouse-events', '/warehouses/a1b2c3d4e5f60718?tab=events'],
  ['warehouse-permissions', '/warehouses/a1b2c3d4e5f60718?tab=permissions'],
  ['clusters', '/clusters'],
  ['cluster', '/clusters/1122-150000-etl00001'],
  ['cluster-metrics', '/clusters/1122-150000-etl00001?tab=metrics'],
  ['cluster-events', '/clusters/1120-090000-gpu00003?tab=events'],
  ['cluster-new', '/clusters/new'],
  ['cluster-edit', '/clusters/1122-150000-etl00001/edit'],
  ['serverless', '/serverless'],
  ['hosts', '/hosts'],
  ['host', '/hosts/019401c2-7d11-7c52-8e44-2f1d7a6c0b11'],
  ['network', '/network'],
  ['network-policies', '/network/policies'],
  ['network-connectivity', '/network/connectivity'],
  ['network-lists', '/network/access-lists'],
  ['account', '/account'],
  ['account-workspace', '/account/workspaces/2'],
  ['account-credentials', '/account/credentials'],
  ['account-networks', '/account/networks'],
  ['account-private', '/account/private-access'],
  ['account-users', '/account/users'],
  ['history', '/history'],
  ['query', '/history/01ef-0'],
  ['settings', '/settings/tokens'],
  ['users', '/settings/users'],
  ['profile', '/settings'],
];

for (const scheme of ['light', 'dark'] as const) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width: 1360, height: 820 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => console.log('pageerror', error.message));
  page.on('console', (message) => message.type() === 'error' && console.log('console', message.text()));
  await mockServer(page, newState());
  for (const [name, path] of PAGES) {
    if (only && !name.startsWith(only)) continue;
    await page.goto(base + path);
    await page.waitForLoadState('networkidle');
    if (name === 'sql') {
      const tree = page.getByRole('tree');
      await tree.getByText('samples').click();
      await tree.getByText('tpch').click();
      await page.locator('.cm-content').click();
      await page.keyboard.type('SELECT o_orderstatus, sum(o_totalprice) AS total -- by state\nFROM samples.tpch.orders\nWHERE o_comment <> \'x\' AND o_orderkey > 12');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+Enter');
      await page.getByRole('gridcell').first().waitFor();
      await page.screenshot({ path: `${out}/sql-result-${scheme}.png` });
      await page.getByRole('tab', { name: 'Chart' }).click();
      await page.waitForTimeout(300);
      await page.screenshot({ path: `${out}/sql-chart-${scheme}.png` });
      await page.locator('.cm-content').click();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('SELECT *\nFROM nowhere');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+Enter');
      await page.locator('.sql-error').waitFor();
    }
    await page.waitForTimeout(150);
    await page.screenshot({ path: `${out}/${name}-${scheme}.png` });
  }
  await context.close();
}
/** States that are hard to reach by hand, and a narrow window. */
if (!only || only === 'states') {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
  const page = await context.newPage();
  const state = newState();
  await mockServer(page, state);
  const shot = async (name: string) => {
    await page.waitForLoadState('networkidle');
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${out}/state-${name}.png` });
  };
  await page.goto(`${base}/sql`);
  await page.locator('.cm-content').click();
  await page.keyboard.type('select o.  from samples.tpch.orders o');
  for (let i = 0; i < 28; i += 1) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Control+Space');
  await page.locator('.cm-tooltip-autocomplete').waitFor();
  await shot('completion');
  await page.goto(`${base}/catalog/samples/tpch/orders?tab=permissions`);
  await page.getByRole('button', { name: 'Grant', exact: true }).click();
  await shot('grant');
  await page.goto(`${base}/warehouses`);
  await shot('narrow-warehouses');
  await page.goto(`${base}/warehouses/a1b2c3d4e5f60718`);
  await shot('narrow-warehouse');
  await page.goto(`${base}/serverless`);
  await page.getByRole('button', { name: /^Isolation: Degraded/ }).click();
  await shot('narrow-serverless');
  await page.goto(`${base}/hosts`);
  await shot('narrow-hosts');
  await page.goto(`${base}/network`);
  await page.getByRole('button', { name: 'Allow files.example.org' }).click();
  await shot('narrow-network');
  await page.goto(`${base}/network/policies`);
  await page.getByRole('button', { name: 'trial', exact: true }).click();
  await shot('policy');
  await page.goto(`${base}/upload`);
  await shot('narrow-upload');
  await page.keyboard.press('?');
  await shot('shortcuts');
  state.empty = true;
  await page.goto(`${base}/catalog/main/default`);
  await shot('empty');
  state.empty = false;
  state.broken = true;
  await page.goto(`${base}/history`);
  await shot('broken');
  await page.goto(`${base}/catalog`);
  await shot('broken-catalog');
  state.broken = false;
  state.hang = true;
  await page.goto(`${base}/sql`);
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+Enter');
  await page.waitForTimeout(700);
  await shot('running');
  state.signedIn = false;
  await page.goto(`${base}/login`);
  await page.getByLabel('User name').fill('ada');
  await page.getByLabel('Password').fill('nope');
  await page.keyboard.press('Enter');
  await shot('login-error');
}
await browser.close();
await server.close();
