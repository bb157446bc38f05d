//! Open, find, close, and end what nobody uses.

use super::{OpenSession, Settings, SqlSession, store};
use crate::config::QueryConfig;
use crate::engines::Engines;
use crate::journal::{Journal, Keep};
use biplane_api::ids::{SqlSessionId, WorkspaceId};
use biplane_platform::{ApiError, Clock, Ctx, Db, ErrorCode, Result};
use biplane_proto::v1::CloseSessionRequest;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// `last_used_at` in the database may be this old.
const TOUCH_EVERY_MS: i64 = 5 * 60 * 1000;
const CLOSED_KEPT_MS: i64 = 24 * 3600 * 1000;
/// The engine is told of a closed session, but nobody waits long for it.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
const APPLICATION_CHARS_MAX: usize = 256;

pub struct Sessions {
    db: Db,
    clock: Clock,
    config: QueryConfig,
    engines: Arc<dyn Engines>,
    journal: Journal,
    open: Mutex<HashMap<SqlSessionId, Arc<SqlSession>>>,
}

impl Sessions {
    pub(crate) fn new(
        db: Db,
        clock: Clock,
        config: QueryConfig,
        engines: Arc<dyn Engines>,
        journal: Journal,
    ) -> Arc<Self> {
        Arc::new(Self { db, clock, config, engines, journal, open: Mutex::default() })
    }

    /// Does not start the warehouse; the first statement does.
    pub async fn open(&self, ctx: &Ctx, request: OpenSession) -> Result<Arc<SqlSession>> {
        self.engines.authorize(ctx, &request.warehouse_id).await?;
        let settings = Settings::new(request.catalog, request.schema, request.conf)?;
        settings.statement_timeout()?;
        let now_ms = self.clock.now_ms();
        let session = Arc::new(SqlSession {
            id: SqlSessionId::random(),
            workspace_id: ctx.workspace()?,
            warehouse_id: request.warehouse_id,
            principal_id: ctx.principal.id,
            client_application: client_application(request.client_application, ctx),
            created_at: now_ms,
            settings: Mutex::new(settings),
            last_used_at: now_ms.into(),
            last_used_written: now_ms.into(),
            running: 0.into(),
            closed: Default::default(),
            engines: Mutex::default(),
        });
        if self.open.lock().len() >= self.config.sessions_max {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                "This server has as many open SQL sessions as it takes. Close some and try again.",
            ));
        }
        self.journal.write(store::insert(&session)?, Keep::Kill).await?;
        self.open.lock().insert(session.id.clone(), session.clone());
        self.engines.session_opened(&session.warehouse_id);
        Ok(session)
    }

    /// The caller's own open session; anybody else's is not there.
    pub async fn get(&self, ctx: &Ctx, id: &SqlSessionId) -> Result<Arc<SqlSession>> {
        let known = self.open.lock().get(id).cloned();
        let session = match known {
            Some(session) => session,
            None => self.reopen(id).await?.ok_or_else(|| missing(id))?,
        };
        let owned =
            session.principal_id == ctx.principal.id && Some(session.workspace_id) == ctx.workspace;
        if !owned || session.closed.is_cancelled() {
            return Err(missing(id));
        }
        let now_ms = self.clock.now_ms();
        if self.idle(&session, now_ms) {
            self.end(&session).await?;
            return Err(missing(id));
        }
        self.touch(&session, now_ms).await?;
        Ok(session)
    }

    /// From before a restart of the server.
    async fn reopen(&self, id: &SqlSessionId) -> Result<Option<Arc<SqlSession>>> {
        let found = store::get(&mut self.db.read().await?, id).await?;
        Ok(found.map(|session| match self.open.lock().entry(id.clone()) {
            Entry::Occupied(other) => other.get().clone(),
            Entry::Vacant(place) => {
                self.engines.session_opened(&session.warehouse_id);
                place.insert(Arc::new(session)).clone()
            }
        }))
    }

    async fn touch(&self, session: &SqlSession, now_ms: i64) -> Result<()> {
        session.last_used_at.store(now_ms, Ordering::Relaxed);
        let written = session.last_used_written.load(Ordering::Relaxed);
        if now_ms - written < TOUCH_EVERY_MS {
            return Ok(());
        }
        session.last_used_written.store(now_ms, Ordering::Relaxed);
        self.journal.write(store::touch(&session.id, now_ms), Keep::Kill).await
    }

    fn idle(&self, session: &SqlSession, now_ms: i64) -> bool {
        let idle_ms = i64::try_from(self.config.session_idle.as_millis()).unwrap_or(i64::MAX);
        session.running.load(Ordering::Relaxed) == 0 && now_ms - session.last_used_at() > idle_ms
    }

    /// Ends it with its statements.
    pub async fn close(&self, ctx: &Ctx, id: &SqlSessionId) -> Result<()> {
        let session = self.get(ctx, id).await?;
        self.end(&session).await
    }

    async fn end(&self, session: &Arc<SqlSession>) -> Result<()> {
        let write = store::close(&session.id, self.clock.now_ms());
        self.journal.write(write, Keep::Kill).await?;
        if self.open.lock().remove(&session.id).is_some() {
            self.engines.session_closed(&session.warehouse_id);
        }
        session.closed.cancel();
        for mut client in session.engines_left() {
            let session_id = session.id.to_string();
            // Only temporary objects are at stake; an engine that does not answer loses them anyway.
            tokio::spawn(async move {
                let close = client.close_session(CloseSessionRequest { session_id });
                let _ = tokio::time::timeout(CLOSE_WAIT, close).await;
            });
        }
        Ok(())
    }

    /// Ends all of a workspace.
    pub(crate) async fn workspace_forget(&self, workspace: WorkspaceId) -> Result<()> {
        let sessions: Vec<_> = {
            let open = self.open.lock();
            open.values().filter(|session| session.workspace_id == workspace).cloned().collect()
        };
        for session in sessions {
            self.end(&session).await?;
        }
        Ok(())
    }

    pub(crate) async fn sweep(&self) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let idle: Vec<_> = {
            let open = self.open.lock();
            open.values().filter(|session| self.idle(session, now_ms)).cloned().collect()
        };
        for session in idle {
            self.end(&session).await?;
        }
        // A statement may run longer than a session may be idle.
        let busy: Vec<_> = {
            let open = self.open.lock();
            open.values()
                .filter(|session| session.running.load(Ordering::Relaxed) > 0)
                .cloned()
                .collect()
        };
        for session in busy {
            self.touch(&session, now_ms).await?;
        }
        // Those used lately have been written lately, give or take TOUCH_EVERY_MS.
        let idle_ms = i64::try_from(self.config.session_idle.as_millis()).unwrap_or(i64::MAX);
        let idle_before = now_ms.saturating_sub(idle_ms).saturating_sub(2 * TOUCH_EVERY_MS);
        let write = store::sweep(now_ms, idle_before, now_ms - CLOSED_KEPT_MS);
        self.journal.write(write, Keep::Kill).await
    }
}

/// What the client calls itself, else its user agent.
pub(crate) fn client_application(given: Option<String>, ctx: &Ctx) -> Option<String> {
    let text = given.filter(|text| !text.is_empty());
    let text = text.or_else(|| ctx.user_agent.as_deref().map(str::to_owned))?;
    Some(text.chars().filter(|c| !c.is_control()).take(APPLICATION_CHARS_MAX).collect())
}

pub(crate) fn missing(id: &SqlSessionId) -> ApiError {
    ApiError::not_found(format!("Session {id} does not exist, or it was closed or has expired."))
}
