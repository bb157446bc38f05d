//! What happens to statements after their end, and before the first one: keep, move to files, forget.

use super::{Ended, State, Statement, StatementService, ops, record};
use crate::journal::Keep;
use crate::results::files::{self, Manifest};
use crate::results::{Place, Spool};
use biplane_platform::{ApiError, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// While the server drains, how long after the last moment cancelled statements get to end.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// And for how long results in memory are written to files.
const KEEP_WAIT: Duration = Duration::from_secs(2);

impl StatementService {
    /// Told to all who wait; then it is one of the finished, of which there is a bounded number.
    pub(super) fn ended(&self, statement: &Arc<Statement>, ended: Ended) {
        let ended_at = ended.ended_at;
        let mut dropped = Vec::new();
        {
            let mut known = self.known.lock();
            statement.end(ended);
            if statement.snapshot().state == State::Closed {
                known.all.remove(&statement.info.id);
                return;
            }
            known.ended.push_back((ended_at, statement.info.id.clone()));
            while known.ended.len() > self.config.finished_max {
                let oldest = known.ended.pop_front();
                dropped.extend(oldest.and_then(|(_, id)| known.all.remove(&id)));
            }
        }
        for statement in dropped {
            self.discard(statement);
        }
    }

    fn discard(&self, statement: Arc<Statement>) {
        statement.expire();
        if statement.spilled() {
            tokio::spawn(files::remove(files::dir(&self.spool, &statement.info.id)));
        }
    }

    /// Moves what of the result is in memory to files and makes the whole survive a restart.
    pub(super) async fn keep_in_files(&self, statement: &Arc<Statement>) {
        if let Err(error) = self.try_keep_in_files(statement).await {
            tracing::warn!(statement_id = %statement.info.id, %error, "a result stays in memory");
        }
        if statement.snapshot().state == State::Closed {
            files::remove(files::dir(&self.spool, &statement.info.id)).await;
        }
    }

    async fn try_keep_in_files(&self, statement: &Arc<Statement>) -> std::io::Result<()> {
        let dir = files::dir(&self.spool, &statement.info.id);
        for (index, bytes) in statement.memory_chunks() {
            let Some(share) = self.spool.disk_now(bytes.len() as u64) else { return Ok(()) };
            let path = files::write_chunk(dir.clone(), index, bytes).await?;
            if !statement.moved(index, Place::File(path, share)) {
                return Ok(());
            }
        }
        let snapshot = statement.snapshot();
        let (Some(schema), Some(ended)) = (snapshot.schema, snapshot.ended) else { return Ok(()) };
        let manifest = Manifest::new(
            statement.info.clone(),
            &schema,
            statement.chunk_metas(),
            (*ended).clone(),
        );
        files::write_manifest(dir, manifest).await
    }

    /// Runs until `stop`: moves finished results out of memory when it is tight.
    pub(crate) async fn relieve_memory(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.spool.pressure.notified() => {}
                () = stop.cancelled() => return,
            }
            let oldest: Vec<_> = {
                let known = self.known.lock();
                known.ended.iter().filter_map(|(_, id)| known.all.get(id)).cloned().collect()
            };
            for statement in oldest {
                if !self.spool.memory_is_tight() {
                    break;
                }
                if !statement.memory_chunks().is_empty() {
                    self.keep_in_files(&statement).await;
                }
            }
        }
    }

    /// Results past their time, rows of a history nobody reads any more.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let before = now_ms.saturating_sub(ms(self.config.retention));
        let mut expired = Vec::new();
        {
            let mut known = self.known.lock();
            while known.ended.front().is_some_and(|(ended_at, _)| *ended_at <= before) {
                let oldest = known.ended.pop_front();
                expired.extend(oldest.and_then(|(_, id)| known.all.remove(&id)));
            }
        }
        for statement in expired {
            self.discard(statement);
        }
        let started_before = now_ms.saturating_sub(ms(self.config.history_retention));
        let write = record::forget_before(started_before);
        self.journal.write(write, Keep::Kill).await
    }

    /// Before the first statement: ends what a former life of this server left running, takes in the
    /// results it left in files.
    pub(crate) async fn recover(&self) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let error = ops::interrupted();
        let write = record::interrupted(&self.server_id, now_ms, &error);
        self.journal.write(write, Keep::Kill).await?;
        let spool = self.spool.clone();
        let before = now_ms.saturating_sub(ms(self.config.retention));
        let found = tokio::task::spawn_blocking(move || survivors(&spool, before));
        let found = found.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
        let mut known = self.known.lock();
        for statement in found {
            let snapshot = statement.snapshot();
            let ended_at = snapshot.ended.map_or(now_ms, |ended| ended.ended_at);
            known.ended.push_back((ended_at, statement.info.id.clone()));
            known.all.insert(statement.info.id.clone(), Arc::new(statement));
        }
        known.ended.make_contiguous().sort();
        Ok(())
    }

    /// Nothing new begins; what runs may end until `deadline` and is cancelled then. Results are kept.
    pub async fn drain(&self, deadline: Instant) {
        self.draining.cancel();
        let running: Vec<_> = {
            let known = self.known.lock();
            known
                .all
                .values()
                .filter(|statement| !statement.snapshot().complete())
                .cloned()
                .collect()
        };
        for statement in &running {
            statement.wait(deadline, |_| false).await;
        }
        running.iter().for_each(|statement| statement.cancel());
        for statement in &running {
            statement.wait(deadline + LAST_WAIT, |_| false).await;
        }
        self.keep_all_in_files(Instant::now() + KEEP_WAIT).await;
    }

    /// For the next life of this server: as many results as there is time for, the newest first.
    async fn keep_all_in_files(&self, deadline: Instant) {
        let finished: Vec<_> = {
            let known = self.known.lock();
            let newest_first = known.ended.iter().rev();
            newest_first.filter_map(|(_, id)| known.all.get(id)).cloned().collect()
        };
        for statement in finished {
            if Instant::now() > deadline {
                break;
            }
            if !statement.memory_chunks().is_empty() {
                self.keep_in_files(&statement).await;
            }
        }
    }
}

fn survivors(spool: &Arc<Spool>, ended_after: i64) -> std::io::Result<Vec<Statement>> {
    let dir = spool.config.results_dir.clone();
    let manifests = files::survivors(&dir, |manifest| manifest.ended.ended_at > ended_after)?;
    let revive = |manifest: Manifest| {
        let (chunks, schema) = (manifest.stored(spool)?, manifest.schema()?);
        let state = manifest.ended.state;
        Some(Statement::past(manifest.info, state, Some(schema), chunks, Some(manifest.ended)))
    };
    Ok(manifests.into_iter().filter_map(revive).collect())
}

/// Names this server in rows: stays with its results directory.
pub(crate) fn server_id(results_dir: &Path) -> std::io::Result<String> {
    std::fs::create_dir_all(results_dir)?;
    let path = results_dir.join("server_id");
    match std::fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => Ok(id.trim().to_owned()),
        _ => {
            let id = uuid::Uuid::new_v4().to_string();
            std::fs::write(&path, &id)?;
            Ok(id)
        }
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
