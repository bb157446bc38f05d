/** A browser with a page of the built app for every test, against a pretended server of its own. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { preview, type PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launch, POLICY } from './browser';
import { mockServer, newState, type MockState } from './mock';

export interface Pages {
  page: Page;
  context: BrowserContext;
  state: MockState;
  base: string;
}

/** Called once in a file of tests; what it returns is filled before each. */
export function usePages(): Pages {
  const pages = {} as Pages;
  const problems: string[] = [];
  let server: PreviewServer;
  let browser: Browser;
  beforeAll(async () => {
    server = await preview({ preview: { port: 0, host: '127.0.0.1', headers: { 'Content-Security-Policy': POLICY } }, logLevel: 'error' });
    pages.base = server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? '';
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    pages.context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    pages.page = await pages.context.newPage();
    pages.page.setDefaultTimeout(10_000);
    problems.length = 0;
    pages.page.on('pageerror', (error) => problems.push(error.message));
    pages.page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) problems.push(message.text());
    });
    pages.state = newState();
    await mockServer(pages.page, pages.state);
  });
  afterEach(async () => {
    await pages.context.close();
    expect(problems).toEqual([]);
  });
  return pages;
}
