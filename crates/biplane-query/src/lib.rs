//! SQL sessions, statements, results and their history, and the front ends: REST here, Thrift in
//! `thrift`.
//!
//! What must hold: the gateway moves bytes and never parses a result; what a client was told is in the
//! database; memory and disk for results are bounded, and an engine waits when they are full.

mod clients;
pub mod config;
pub mod engines;
mod history;
mod journal;
mod metrics;
mod rest;
pub mod results;
pub mod sessions;
mod staging;
pub mod statements;
mod teardown;
pub mod thrift;

pub use config::QueryConfig;
pub use engines::{Engines, Home, Homes, Lease, LeaseGuard, WarehouseRules, Wish};
pub use staging::{StagedFiles, StagingVerb};

use biplane_platform::statement_token::StatementTokens;
use biplane_platform::{ApiError, Clock, Db, Migration, Result};
use journal::Journal;
use results::{Links, Spool};
use sessions::Sessions;
use statements::StatementService;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

/// Tables of this crate.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "query_0001", sql: include_str!("../migrations/0001_query.sql") }];

const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The query service.
pub struct Query {
    pub sessions: Arc<Sessions>,
    pub statements: Arc<StatementService>,
    pub links: Links,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) engines: Arc<dyn Engines>,
    stop: CancellationToken,
}

impl Query {
    /// Also ends what a former life of this server left running.
    pub async fn new(
        db: Db,
        clock: Clock,
        config: QueryConfig,
        engines: Arc<dyn Engines>,
        homes: Arc<dyn Homes>,
        files: Arc<dyn StagedFiles>,
    ) -> Result<Arc<Self>> {
        let dir = config.results_dir.clone();
        let server_id = tokio::task::spawn_blocking(move || statements::server_id(&dir));
        let server_id = server_id.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        let journal = Journal::start(db.clone());
        let links = Links::load(&db, &clock, config.link_lifetime).await?;
        let tokens = StatementTokens::load(&db, &clock).await?;
        let sessions = Sessions::new(
            db.clone(),
            clock.clone(),
            config.clone(),
            engines.clone(),
            journal.clone(),
        );
        let statements = Arc::new(StatementService {
            db: db.clone(),
            clock: clock.clone(),
            engines: engines.clone(),
            homes,
            files,
            tokens,
            journal,
            spool: Spool::new(config.clone()),
            server_id,
            admission: statements::admission(&config),
            config,
            known: Default::default(),
            draining: CancellationToken::new(),
        });
        statements.recover().await?;
        let query = Self {
            sessions,
            statements,
            links,
            db,
            clock,
            engines,
            stop: CancellationToken::new(),
        };
        let query = Arc::new(query);
        query.start_tasks();
        Ok(query)
    }

    /// REST of this service. Two of them work without authentication: `result_chunk_download` (its link
    /// is the right) and `telemetry_send_unauthenticated`.
    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        rest::http::routes(self)
            .merge(sessions::http::routes(self))
            .merge(results::http::routes(self))
            .merge(history::http::routes(self))
            .merge(clients::routes())
    }

    fn start_tasks(&self) {
        tokio::spawn(self.statements.clone().relieve_memory(self.stop.clone()));
        let (sessions, statements, stop) =
            (self.sessions.clone(), self.statements.clone(), self.stop.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                    () = stop.cancelled() => return,
                }
                for result in [sessions.sweep().await, statements.sweep().await] {
                    if let Err(error) = result {
                        tracing::warn!(%error, cause = ?error.internal, "sweeping failed; it is tried again");
                    }
                }
            }
        });
    }

    /// One round of what the timer does.
    pub async fn sweep(&self) -> Result<()> {
        self.sessions.sweep().await?;
        self.statements.sweep().await
    }

    /// Nothing new begins; what runs may end until `deadline`, then it is cancelled.
    pub async fn drain(&self, deadline: Instant) {
        self.statements.drain(deadline).await;
        self.stop.cancel();
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
