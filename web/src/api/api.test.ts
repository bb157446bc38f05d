import { afterEach, describe, expect, it, vi } from 'vitest';
import { allPages, ApiError, cookie, encodePath, onSignedOut, send, withQuery } from './http';
import { session } from './session';
import { runStatement } from './statements';
import { createToken } from './tokens';

type Answer = { status?: number; body?: unknown; text?: string };

function answer(...answers: Answer[]) {
  const fetch = vi.fn(async (_request: Request | string, _init?: RequestInit) => {
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

  it('does the same through the typed client', async () => {
    document.cookie = 'biplane_csrf=t2';
    const ended = vi.fn();
    onSignedOut(ended);
    const fetch = answer({ body: { token_value: 'dapi1' } }, { status: 401, body: { error_code: 'UNAUTHENTICATED', message: 'x' } });
    await createToken('c', 60);
    const sent = fetch.mock.calls[0]?.[0] as Request;
    expect(sent.headers.get('X-CSRF-Token')).toBe('t2');
    await expect(session()).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(ended).not.toHaveBeenCalled();
    await expect(createToken('c', 60)).rejects.toBeInstanceOf(ApiError);
    expect(ended).toHaveBeenCalledOnce();
    vi.stubGlobal('fetch', vi.fn().mockRejectedValue(new TypeError('failed')));
    await expect(session()).rejects.toMatchObject({ status: 0, code: 'UNREACHABLE' });
    onSignedOut(() => undefined);
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
    const sent = await (fetch.mock.calls[0]?.[0] as Request).json();
    expect(sent).toMatchObject({ wait_timeout: '0s', on_wait_timeout: 'CONTINUE' });
  });

  it('cancels on the server and waits for the end', async () => {
    const fetch = answer(state('RUNNING'), { body: {} }, state('RUNNING'), state('CANCELED'));
    const controller = new AbortController();
    controller.abort();
    const last = await runStatement(request, { signal: controller.signal });
    expect(last.status.state).toBe('CANCELED');
    const paths = fetch.mock.calls.map(([request]) => new URL((request as Request).url).pathname);
    expect(paths).toContain('/api/2.0/sql/statements/s/cancel');
  });

  it('survives a short break of the connection, but no refusal', async () => {
    answer(state('RUNNING'), { status: 503, body: {} }, state('SUCCEEDED'));
    await expect(runStatement(request)).resolves.toMatchObject({ status: { state: 'SUCCEEDED' } });
    answer(state('RUNNING'), { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'x' } });
    await expect(runStatement(request)).rejects.toMatchObject({ status: 404 });
  });
});
