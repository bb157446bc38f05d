/** Every page audited by axe, light and dark, and a story told by the keyboard alone. */
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { preview, type PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { launch, POLICY } from './browser';
import { mockServer, newState, type MockState } from './mock';

let server: PreviewServer;
let browser: Browser;
let context: BrowserContext;
let base: string;

beforeAll(async () => {
  server = await preview({ preview: { port: 0, host: '127.0.0.1', headers: { 'Content-Security-Policy': POLICY } }, logLevel: 'error' });
  base = server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '';
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

afterEach(async () => {
  await context.close();
});

async function open(options: Parameters<Browser['newContext']>[0], state: MockState = newState()): Promise<Page> {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await mockServer(page, state);
  return page;
}

/** What axe finds that keeps people out: each rule with the elements that break it. */
async function audit(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(async () => {
    const runner = (window as unknown as { axe: typeof axe }).axe;
    return runner.run(document, { resultTypes: ['violations'] });
  });
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary = '' }) => `${id} ${target.join(' ')}: ${failureSummary.split('\n').slice(1).join(' ')}`));
}

type Step = (page: Page) => Promise<unknown>;
const heading = (name: string | RegExp): Step => (page) => page.getByRole('heading', { name }).first().waitFor();

const run = async (page: Page, sql: string) => {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(sql);
  await page.keyboard.press('Control+Enter');
};

const PAGES: readonly [string, string, Step][] = [
  ['an empty editor', '/sql', (page) => page.locator('.cm-content').waitFor()],
  [
    'a result with its column panel',
    '/sql',
    async (page) => {
      await run(page, 'SELECT * FROM samples.tpch.orders WHERE a = :a');
      await page.getByRole('gridcell').first().waitFor();
      await page.getByRole('button', { name: 'status string' }).click();
      await page.getByRole('list', { name: 'Commonest values' }).waitFor();
    },
  ],
  [
    'a chart',
    '/sql',
    async (page) => {
      await run(page, 'SELECT * FROM samples.tpch.orders');
      await page.getByRole('tab', { name: 'Chart' }).click();
      await page.getByRole('img').first().waitFor();
    },
  ],
  [
    'an error and recent statements',
    '/sql',
    async (page) => {
      await run(page, 'SELECT *\nFROM nowhere');
      await page.getByRole('tab', { name: 'Recent' }).click();
      await page.getByRole('list', { name: 'Recent statements' }).waitFor();
      await page.getByText('TABLE_OR_VIEW_NOT_FOUND', { exact: true }).waitFor();
    },
  ],
  ['catalogs', '/catalog', heading('Catalogs')],
  ['a schema', '/catalog/samples/tpch', heading('tpch')],
  ['a table', '/catalog/samples/tpch/orders', (page) => page.getByRole('cell', { name: 'decimal(15,2)' }).waitFor()],
  ['sample rows', '/catalog/samples/tpch/orders?tab=sample', (page) => page.getByRole('gridcell').first().waitFor()],
  [
    'the grant dialog',
    '/catalog/samples/tpch/orders?tab=permissions',
    async (page) => {
      await page.getByRole('button', { name: 'Grant', exact: true }).click();
      await page.getByRole('dialog').getByLabel('SELECT').waitFor();
    },
  ],
  ['a volume', '/volumes/main/default/landing', (page) => page.getByRole('cell', { name: 'flights.csv', exact: true }).waitFor()],
  ['the workspace', '/workspace', (page) => page.getByRole('link', { name: 'Home' }).waitFor()],
  ['a folder', '/workspace/Users/admin@biplane.local', (page) => page.getByRole('link', { name: 'etl' }).waitFor()],
  ['a notebook', '/workspace/Users/admin@biplane.local/etl', (page) => page.getByText('print(1)').waitFor()],
  ['the upload', '/upload', (page) => page.getByText('Drop a file here').waitFor()],
  ['warehouses', '/warehouses', (page) => page.getByRole('link', { name: 'Starter Warehouse' }).waitFor()],
  ['a warehouse', '/warehouses/a1b2c3d4e5f60718', (page) => page.getByRole('button', { name: /^Isolation: Degraded/ }).waitFor()],
  ['how to connect', '/warehouses/a1b2c3d4e5f60718?tab=connection', heading('Parameters')],
  ['a warehouse over time', '/warehouses/a1b2c3d4e5f60718?tab=monitoring', (page) => page.getByText('1 running').waitFor()],
  ['events of a warehouse', '/warehouses/a1b2c3d4e5f60718?tab=events', (page) => page.getByText('An engine came').waitFor()],
  ['permissions of a warehouse', '/warehouses/a1b2c3d4e5f60718?tab=permissions', (page) => page.getByText('IS OWNER').waitFor()],
  [
    'the warehouse form',
    '/warehouses',
    async (page) => {
      await page.getByRole('button', { name: 'Create warehouse' }).click();
      await page.getByRole('button', { name: 'Add tag' }).click();
    },
  ],
  ['clusters', '/clusters', (page) => page.getByRole('link', { name: 'Nightly ETL' }).waitFor()],
  ['a cluster', '/clusters/1122-150000-etl00001', (page) => page.getByText('spark.sql.shuffle.partitions').waitFor()],
  ['a cluster that failed', '/clusters/1120-090000-gpu00003?tab=events', (page) => page.getByText('A host was lost').waitFor()],
  ['what a cluster does', '/clusters/1122-150000-etl00001?tab=metrics', (page) => page.getByRole('cell', { name: /^Driver/ }).waitFor()],
  ['cluster policies', '/clusters/policies', (page) => page.getByRole('link', { name: 'Small clusters' }).waitFor()],
  ['a policy', '/clusters/policies/A1B2C3D4E5F60718', (page) => page.getByText('autotermination_minutes').waitFor()],
  ['the form of a cluster policy', '/clusters/policies', (page) => page.getByRole('button', { name: 'Create policy' }).click()],
  ['instance pools', '/clusters/pools', (page) => page.getByRole('link', { name: 'Warm hosts' }).waitFor()],
  ['a pool', '/clusters/pools/0101-120000-hosts12-pool-abcdefgh', (page) => page.getByText('Idle hosts end').waitFor()],
  ['the form of a pool', '/clusters/pools', (page) => page.getByRole('button', { name: 'Create pool' }).click()],
  [
    'the form of a cluster',
    '/clusters/new',
    async (page) => {
      await page.getByRole('radio', { name: /^Range of workers/ }).check();
      await page.getByRole('button', { name: 'Add tag' }).click();
    },
  ],
  [
    'sandboxes, and why one is not isolated in full',
    '/serverless',
    async (page) => {
      await page.getByRole('button', { name: /^Isolation: Degraded/ }).click();
      await page.getByText('so this host serves one workspace').last().waitFor();
    },
  ],
  [
    'a sandbox',
    '/serverless',
    async (page) => {
      await page.getByRole('button', { name: /^Details of sandbox/ }).nth(2).click();
      await page.getByRole('dialog', { name: 'Sandbox' }).waitFor();
    },
  ],
  ['hosts', '/hosts', (page) => page.getByText('Lost', { exact: true }).waitFor()],
  ['a host', '/hosts/019401c2-7d11-7c52-8e44-2f1d7a6c0b11', (page) => page.getByRole('dialog').getByText('ben@example.com').waitFor()],
  ['the network', '/network?outcome=all', (page) => page.getByRole('button', { name: 'Allow files.example.org' }).waitFor()],
  [
    'the form of a policy',
    '/network/policies',
    async (page) => {
      await page.getByRole('button', { name: 'trial', exact: true }).click();
      await page.getByLabel('Bucket 1').first().waitFor();
    },
  ],
  ['connectivity', '/network/connectivity', heading('ncc-europe')],
  [
    'IP access lists',
    '/network/access-lists',
    async (page) => {
      await page.getByText('Office').waitFor();
      await page.getByRole('button', { name: 'Create list' }).click();
    },
  ],
  ['workspaces', '/account', (page) => page.getByRole('link', { name: 'lab' }).waitFor()],
  ['a workspace that failed', '/account/workspaces/2', (page) => page.getByLabel('Ada Admin is here as').waitFor()],
  [
    'the form of a workspace',
    '/account',
    async (page) => {
      await page.getByRole('button', { name: 'Create workspace' }).click();
      await page.getByRole('radio', { name: /^Own cloud account/ }).check();
      await page.getByLabel('Encryption key').waitFor();
    },
  ],
  ['networks of workspaces', '/account/networks', (page) => page.getByText('Broken', { exact: true }).waitFor()],
  ['private access', '/account/private-access', (page) => page.getByText('factory').waitFor()],
  ['users of the account', '/account/users', (page) => page.getByText('Account admin', { exact: true }).waitFor()],
  ['the history', '/history', (page) => page.getByRole('row').nth(3).waitFor()],
  ['a query', '/history/01ef-0', (page) => page.getByRole('treegrid').waitFor()],
  ['the profile', '/settings', (page) => page.getByLabel('Dark').waitFor()],
  ['tokens', '/settings/tokens', (page) => page.getByText('dbt on my laptop').waitFor()],
  ['users', '/settings/users', (page) => page.getByText('ben@example.com').first().waitFor()],
  ['groups', '/settings/groups', heading('Groups')],
  ['service principals', '/settings/service-principals', heading('Service principals')],
  ['nothing', '/nowhere', heading('There is no such page')],
  [
    'the palette',
    '/warehouses',
    async (page) => {
      await page.getByText('Starter Warehouse').first().waitFor();
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: 'Search and go' }).fill('o');
      await page.getByRole('option').first().waitFor();
    },
  ],
];

describe.each(['light', 'dark'] as const)('nothing keeps people out, %s', (colorScheme) => {
  it.each(PAGES)('%s', async (_, path, ready) => {
    const page = await open({ colorScheme });
    await page.goto(base + path);
    await ready(page);
    expect(await audit(page)).toEqual([]);
  });

  it('the sign-in page', async () => {
    const page = await open({ colorScheme }, { ...newState(), signedIn: false });
    await page.goto(`${base}/login`);
    await page.getByLabel('User name').waitFor();
    expect(await audit(page)).toEqual([]);
  });

  it('a narrow window', async () => {
    const page = await open({ colorScheme, viewport: { width: 390, height: 800 } });
    await page.goto(`${base}/catalog/samples/tpch/orders`);
    await page.getByRole('button', { name: 'Catalog tree' }).click();
    await page.getByRole('treeitem', { name: 'orders' }).waitFor();
    expect(await audit(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});

it('works without a mouse: sign in, find a table, query it, sort it, look at a cell, sign out', async () => {
  const state = { ...newState(), signedIn: false };
  const page = await open({}, state);
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
  const tabTo = async (name: RegExp, key = 'Tab') => {
    for (let step = 0; step < 60; step += 1) {
      if (name.test(await focused())) return;
      await keyboard.press(key);
    }
    throw new Error(`Tab does not reach ${name}`);
  };
  await page.goto(`${base}/login`);
  await page.getByLabel('User name').waitFor();
  await page.getByLabel('User name').focus();
  await keyboard.type('ada');
  await keyboard.press('Tab');
  await keyboard.type('secret');
  await keyboard.press('Enter');
  await page.locator('.cm-content').waitFor();
  await page.waitForFunction(() => document.activeElement?.classList.contains('cm-content'));

  await keyboard.type('SELECT * FROM samples.tpch.orders');
  await keyboard.press('Escape');
  await keyboard.press('Control+Enter');
  await page.getByRole('gridcell').first().waitFor();
  await keyboard.press('Escape');
  await tabTo(/^Result$/);
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowRight');
  await keyboard.press('Alt+ArrowDown');
  await tabTo(/^Descending$/);
  await keyboard.press('Enter');
  await page.getByText('status descending').waitFor();
  await keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  expect(await focused()).toBe('Result');

  await keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search and go' }).waitFor();
  await keyboard.type('query history');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Query history' }).waitFor();
  await tabTo(/^Account of/, 'Shift+Tab');
  await keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'menuitem');
  await keyboard.press('End');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});
