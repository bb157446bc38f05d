/** The SQL session of a tab: opened with the first statement, moved by USE, renewed when it is lost. */
import { createSqlSession, deleteSqlSession, getSqlSession, isSessionLost } from '../../api/sql-sessions';
import { runStatement } from '../../api/statements';
import { qualified } from '../../lib/sql';
import { changeTab, findTab, setContext, type SqlTab, type TabSession } from './tabs';

/** What happened to the session, for the page to say. */
export type SessionNote = 'renewed' | 'moved' | 'restarted';

export interface OpenSession {
  id: string;
  note?: SessionNote;
}

function contextOf(tab: SqlTab): { catalog?: string; schema?: string } {
  return { ...(tab.catalog ? { catalog: tab.catalog } : {}), ...(tab.schema ? { schema: tab.schema } : {}) };
}

async function open(tab: SqlTab, warehouseId: string): Promise<string> {
  const context = contextOf(tab);
  const { session_id } = await createSqlSession({ warehouse_id: warehouseId, ...context });
  changeTab(tab.id, { session: { id: session_id, warehouseId, ...context } });
  return session_id;
}

/** The tab's session on this warehouse, standing in the catalog and schema the tab shows. */
export async function ensureSession(tabId: string, warehouseId: string): Promise<OpenSession> {
  const tab = findTab(tabId);
  if (!tab) throw new Error('The tab was closed.');
  const { session } = tab;
  if (!session) return { id: await open(tab, warehouseId) };
  if (session.warehouseId !== warehouseId) {
    closeSession(session);
    return { id: await open(tab, warehouseId), note: 'moved' };
  }
  if (tab.catalog && (tab.catalog !== session.catalog || tab.schema !== session.schema)) {
    const note = await moveTo(tab, session);
    if (note) return note;
  }
  return { id: session.id };
}

/** The context was chosen outside the session, so the session is told. */
async function moveTo(tab: SqlTab, session: TabSession): Promise<OpenSession | null> {
  const statement = tab.schema ? `USE ${qualified(tab.catalog ?? '', tab.schema)}` : `USE CATALOG ${qualified(tab.catalog ?? '')}`;
  try {
    const answer = await runStatement({ statement, session_id: session.id });
    if (answer.status.state !== 'SUCCEEDED') {
      throw new Error(answer.status.error?.message ?? `${statement} ended as ${answer.status.state}.`);
    }
    changeTab(tab.id, { session: { ...session, ...contextOf(tab) } });
    return null;
  } catch (error) {
    if (!isSessionLost(error)) throw error;
    return renewSession(tab.id, session.warehouseId);
  }
}

export async function renewSession(tabId: string, warehouseId: string): Promise<OpenSession> {
  const tab = findTab(tabId);
  if (!tab) throw new Error('The tab was closed.');
  return { id: await open(tab, warehouseId), note: 'renewed' };
}

/** After a statement that may have moved the session: the server says where it stands. */
export async function followSession(tabId: string, sessionId: string): Promise<void> {
  const { catalog, schema } = await getSqlSession(sessionId);
  const session = findTab(tabId)?.session;
  if (session?.id !== sessionId || !catalog) return;
  changeTab(tabId, { session: { id: session.id, warehouseId: session.warehouseId, catalog, ...(schema ? { schema } : {}) } });
  setContext(tabId, catalog, schema ?? '');
}

/** Best effort: a session nobody closes expires. */
export function closeSession(session: TabSession | undefined): void {
  if (session) void deleteSqlSession(session.id).catch(() => undefined);
}

export function resetSession(tabId: string): void {
  const session = findTab(tabId)?.session;
  closeSession(session);
  changeTab(tabId, { session: undefined });
}

export const NOTES: Record<SessionNote, string> = {
  renewed: 'The session had ended, so a new one was started. Temporary views, variables and settings of the old one are gone.',
  moved: 'Another warehouse was chosen, so a new session was started on it. Temporary views, variables and settings stay behind.',
  restarted: 'The warehouse was started again for this statement. Temporary views of this session may be gone.',
};
