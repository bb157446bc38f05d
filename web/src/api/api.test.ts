import { afterEach, describe, expect, it, vi } from 'vitest';
import { allPages, ApiError, cookie, encodePath, onSignedOut, send, withQuery } from './http';
import { runStatement } from './statements';

type Answer = { status?: number; body?: unknown; text?: string };

function answer(...answers: Answer[]) {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => {
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return new Response(next?.text ?? JSON.stringify(next?.body ?? {}), { status: next?.status ?? 200 });
  });
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

afterEach(() => {
  vi.unstubAllGlobals();
  document.cookie = 'biplane_csrf=; max-age=0';
});

describe('send', () => {
  it('sends the CSRF token with every change, and with changes only', async () => {
    document.cookie = 'biplane_csrf=t%3D1';
    const fetch = answer({});
    await send('POST', '/api/x', { body: { a: 1 } });
    await send('GET', '/api/x');
    expect(fetch.mock.calls[0]?.[1]?.headers).toMatchObject({ 'X-CSRF-Token': 't=1', 'Content-Type': 'application/json' });
    expect(fetch.mock.calls[1]?.[1]?.headers).not.toHaveProperty('X-CSRF-Token');
  });

  it('turns every kind of error body into one error', async () => {
    answer({ status: 403, body: { error_code: 'PERMISSION_DENIED', message: 'No.' } });
    await expect(send('GET', '/a')).rejects.toMatchObject({ status: 403, code: 'PERMISSION_DENIED', message: 'No.' });
    answer({ status: 409, body: { detail: 'Taken.', scimType: 'uniqueness' } });
    await expect(send('GET', '/a')).rejects.toMatchObject({ code: 'uniqueness', message: 'Taken.' });
    answer({ status: 502, text: '<html>' });
    await expect(send('GET', '/a')).rejects.toBeInstanceOf(ApiError);
    vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('failed')));
    await expect(send('GET', '/a')).rejects.toMatchObject({ status: 0, code: 'UNREACHABLE' });
  });

  it('tells when the session has ended, unless it was asked', async () => {
    const ended = vi.fn();
    onSignedOut(ended);
    answer({ status: 401, body: {} });
    await expect(send('GET', '/a', { allow401: true })).rejects.toBeInstanceOf(ApiError);
    expect(ended).not.toHaveBeenCalled();
    await expect(send('GET', '/a')).rejects.toBeInstanceOf(ApiError);
    expect(ended).toHaveBeenCalledOnce();
    onSignedOut(() => undefined);
  });
});

it('writes queries and paths', () => {
  expect(withQuery('/a', { b: ['x', 'y'], c: undefined, d: true })).toBe('/a?b=x&b=y&d=true');
  expect(encodePath('/Volumes/a b/ü#')).toBe('/Volumes/a%20b/%C3%BC%23');
  expect(cookie('b', 'a=1; b=2=3')).toBe('2=3');
});

it('goes on after an empty page, and never round in circles', async () => {
  const pages = [{ items: [], next_page_token: 'x' }, { items: [1], next_page_token: 'x' }];
  let calls = 0;
  const all = await allPages(async () => pages[Math.min(calls++, 1)]!, (page) => page.items);
  expect(all).toEqual([1]);
  expect(calls).toBe(2);
});

describe('runStatement', () => {
  const request = { statement: 'select 1', warehouse_id: 'w' };
  const state = (name: string) => ({ body: { statement_id: 's', status: { state: name } } });

  it('polls to the end', async () => {
    const fetch = answer(state('PENDING'), state('RUNNING'), state('SUCCEEDED'));
    const seen: string[] = [];
    const last = await runStatement(request, { onUpdate: ({ status }) => seen.push(status.state) });
    expect(last.status.state).toBe('SUCCEEDED');
    expect(seen).toEqual(['PENDING', 'RUNNING', 'SUCCEEDED']);
    expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body))).toMatchObject({ wait_timeout: '0s', on_wait_timeout: 'CONTINUE' });
  });

  it('cancels on the server and waits for the end', async () => {
    const fetch = answer(state('RUNNING'), { body: {} }, state('RUNNING'), state('CANCELED'));
    const controller = new AbortController();
    controller.abort();
    const last = await runStatement(request, { signal: controller.signal });
    expect(last.status.state).toBe('CANCELED');
    expect(fetch.mock.calls.map(([url]) => url)).toContain('/api/2.0/sql/statements/s/cancel');
  });

  it('survives a short break of the connection, but no refusal', async () => {
    answer(state('RUNNING'), { status: 503, body: {} }, state('SUCCEEDED'));
    await expect(runStatement(request)).resolves.toMatchObject({ status: { state: 'SUCCEEDED' } });
    answer(state('RUNNING'), { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'x' } });
    await expect(runStatement(request)).rejects.toMatchObject({ status: 404 });
  });
});
