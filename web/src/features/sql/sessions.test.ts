import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from '../../api/http';
import * as api from '../../api/sql-sessions';
import * as statements from '../../api/statements';
import { ensureSession, followSession, resetSession } from './sessions';
import { changeTab, findTab, openTab, setContext, tabsNow } from './tabs';

const gone = new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', 'Session s does not exist.');
let tab: string;

beforeEach(() => {
  openTab({ sql: 'select 1' });
  tab = tabsNow().active;
  changeTab(tab, { session: undefined });
  setContext(tab, '', '');
  let count = 0;
  vi.spyOn(api, 'createSqlSession').mockImplementation(async ({ warehouse_id }) => ({
    session_id: `s${++count}`, warehouse_id, created_at: 0, last_used_at: 0,
  }));
  vi.spyOn(api, 'deleteSqlSession').mockResolvedValue({});
});

const ran = () => vi.spyOn(statements, 'runStatement').mockResolvedValue({ statement_id: 'x', status: { state: 'SUCCEEDED' } });

describe('the session of a tab', () => {
  it('is opened once, in the context of the tab', async () => {
    setContext(tab, 'main', 'default');
    const run = ran();
    expect(await ensureSession(tab, 'w')).toEqual({ id: 's1' });
    expect(await ensureSession(tab, 'w')).toEqual({ id: 's1' });
    expect(api.createSqlSession).toHaveBeenCalledExactlyOnceWith({ warehouse_id: 'w', catalog: 'main', schema: 'default' });
    expect(run).not.toHaveBeenCalled();
  });

  it('is told when another catalog or schema is chosen', async () => {
    await ensureSession(tab, 'w');
    const run = ran();
    setContext(tab, 'my cat', 's');
    await ensureSession(tab, 'w');
    await ensureSession(tab, 'w');
    expect(run).toHaveBeenCalledExactlyOnceWith({ statement: 'USE `my cat`.s', session_id: 's1' });
  });

  it('is another one on another warehouse', async () => {
    await ensureSession(tab, 'w');
    expect(await ensureSession(tab, 'v')).toEqual({ id: 's2', note: 'moved' });
    expect(api.deleteSqlSession).toHaveBeenCalledWith('s1');
  });

  it('is renewed when it is gone, and says what else went wrong', async () => {
    await ensureSession(tab, 'w');
    setContext(tab, 'main', '');
    const run = vi.spyOn(statements, 'runStatement').mockRejectedValueOnce(gone);
    expect(await ensureSession(tab, 'w')).toEqual({ id: 's2', note: 'renewed' });
    setContext(tab, 'nowhere', '');
    run.mockResolvedValue({ statement_id: 'x', status: { state: 'FAILED', error: { error_code: 'NOT_FOUND', message: '[NO_SUCH_CATALOG]' } } });
    await expect(ensureSession(tab, 'w')).rejects.toThrow('[NO_SUCH_CATALOG]');
  });

  it('leads the tab where it went', async () => {
    const { id } = await ensureSession(tab, 'w');
    vi.spyOn(api, 'getSqlSession').mockResolvedValue({
      session_id: id, warehouse_id: 'w', created_at: 0, last_used_at: 0, catalog: 'samples', schema: 'tpch',
    });
    await followSession(tab, id);
    expect(findTab(tab)).toMatchObject({ catalog: 'samples', schema: 'tpch', session: { id, catalog: 'samples', schema: 'tpch' } });
    resetSession(tab);
    expect(findTab(tab)?.session).toBeUndefined();
  });

  it('is lost only by an answer about sessions', () => {
    expect(api.isSessionLost(gone)).toBe(true);
    expect(api.isSessionLost(new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', 'Warehouse w does not exist.'))).toBe(false);
    expect(api.isSessionLost(new Error('session'))).toBe(false);
  });
});
