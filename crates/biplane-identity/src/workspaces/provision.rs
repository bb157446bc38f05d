//! Takes workspaces from PROVISIONING to RUNNING or FAILED: the place in the cloud is looked over, then
//! the other services do their part. What a workspace became while that went on is never overwritten.

use super::{DELETING, FAILED, PROVISIONING, RUNNING, Workspace, delete, store};
use crate::Identity;
use crate::provisioning::{CloudPlace, PlaceFinding, TryAgain, place, store as places};
use biplane_api::ids::WorkspaceId;
use biplane_platform::Result;
use biplane_platform::db::Change;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Topic of `Db::subscribe`: a workspace was made, changed or deleted.
pub const TOPIC: &str = "workspaces";

const EVERY: Duration = Duration::from_secs(15);
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a cloud that does not answer is asked again.
const PATIENCE_MS: i64 = 15 * 60 * 1000;
/// A request to delete ends what it began; after this time nobody is at it any more.
const DELETE_ALONE_MS: i64 = 5 * 60 * 1000;

impl Identity {
    /// Goes on until the server ends, beginning with what a crash left half made.
    pub async fn workspaces_provision(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.db.subscribe();
        // At first all: what a crash left half done is nobody's.
        let mut deleted_before = i64::MAX;
        loop {
            if let Err(error) = self.workspaces_pass(deleted_before).await {
                tracing::warn!(%error, cause = error.internal, "a workspace could not be made or ended");
            }
            deleted_before = self.clock.now_ms() - DELETE_ALONE_MS;
            let woken = async {
                tokio::select! {
                    () = changed(&mut changes) => {}
                    () = tokio::time::sleep(EVERY) => {}
                }
            };
            if stop.run_until_cancelled(woken).await.is_none() {
                return;
            }
        }
    }

    /// One try at all that are being made or ended.
    pub async fn workspaces_resume(self: &Arc<Self>) -> Result<()> {
        self.workspaces_pass(i64::MAX).await
    }

    /// Side by side: one cloud that hangs holds up no other.
    async fn workspaces_pass(self: &Arc<Self>, deleted_before: i64) -> Result<()> {
        let mut tasks = JoinSet::new();
        for row in self.workspace_list().await? {
            let alone = row.status == DELETING && row.updated_at < deleted_before;
            if row.status == PROVISIONING || alone {
                tasks.spawn(step(self.clone(), row));
            }
        }
        let mut outcome = Ok(());
        while let Some(done) = tasks.join_next().await {
            let done = done.map_err(biplane_platform::ApiError::internal).and_then(|done| done);
            if done.is_err() {
                outcome = done;
            }
        }
        outcome
    }
}

async fn changed(changes: &mut Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(change) if matches!(&*change.topic, TOPIC | "*") => return,
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
            Ok(_) => {}
        }
    }
}

async fn step(identity: Arc<Identity>, row: Workspace) -> Result<()> {
    if row.status == DELETING {
        let ctx = identity.admin_ctx(row.id).await?;
        return delete::finish(&identity, &ctx, &row).await;
    }
    finish(&identity, row).await.map(drop)
}

enum Checked {
    Sound(Vec<PlaceFinding>),
    Broken(Vec<PlaceFinding>),
    /// Asked again later.
    Unknown,
    TooLong(String),
}

async fn check(identity: &Identity, row: &Workspace, place: &CloudPlace) -> Checked {
    let Some(cloud) = identity.cloud.get() else {
        return Checked::Sound(Vec::new());
    };
    let found = match tokio::time::timeout(CHECK_TIMEOUT, cloud.check(place)).await {
        Ok(found) => found,
        Err(_) => Err(TryAgain("The cloud did not answer in time.".into())),
    };
    match found {
        Ok(found) if found.iter().any(|one| one.broken) => Checked::Broken(found),
        Ok(found) => Checked::Sound(found),
        Err(TryAgain(why)) if identity.clock.now_ms() - row.updated_at > PATIENCE_MS => {
            Checked::TooLong(why)
        }
        Err(TryAgain(why)) => {
            tracing::info!(workspace_id = %row.id, why, "a place could not be looked over yet");
            Checked::Unknown
        }
    }
}

/// One try. What is given back is how the workspace is now.
pub async fn finish(identity: &Identity, mut row: Workspace) -> Result<Workspace> {
    let place = place::of(&mut identity.db.read().await?, identity, &row).await?;
    let checked = match &place {
        Some(place) => check(identity, &row, place).await,
        None => Checked::Sound(Vec::new()),
    };
    let (findings, problem) = match checked {
        Checked::Unknown => return Ok(row),
        Checked::Sound(findings) => (findings, None),
        Checked::Broken(findings) => {
            let problem = told(&findings);
            (findings, Some(problem))
        }
        Checked::TooLong(why) => {
            (Vec::new(), Some(format!("{why} Update the workspace to try it again.")))
        }
    };
    let problem = match problem {
        Some(problem) => Some(problem),
        None => served(identity, &row).await?,
    };
    (row.status, row.status_message) = match problem {
        None => (RUNNING.into(), "Workspace is running.".into()),
        Some(problem) => (FAILED.into(), problem),
    };
    let mut tx = identity.db.write().await?;
    if !store::settle(&mut tx, &row).await? {
        let now = store::by_id(&mut tx, row.id).await?;
        drop(tx);
        return overtaken(identity, row.id, now).await;
    }
    if let Some(network) = &row.network_id {
        let status = match findings.iter().map(|one| one.broken).max() {
            None => "VALID",
            Some(false) => "WARNED",
            Some(true) => "BROKEN",
        };
        places::network_found(&mut tx, network, Some(status), &findings).await?;
    }
    identity.changed(tx).await?;
    Ok(row)
}

/// The row is another by now. If it goes, what was just done for it goes too.
async fn overtaken(
    identity: &Identity,
    id: WorkspaceId,
    now: Option<Workspace>,
) -> Result<Workspace> {
    let goes = now.as_ref().is_none_or(|now| now.status == DELETING);
    if let Some(hook) = identity.workspace_deleting.get().filter(|_| goes) {
        hook.workspace_deleting(id).await?;
    }
    now.ok_or_else(|| super::ops::missing(id))
}

/// The other services' part: what went wrong.
async fn served(identity: &Identity, row: &Workspace) -> Result<Option<String>> {
    let Some(hook) = identity.workspace_created.get() else {
        return Ok(None);
    };
    let ctx = identity.admin_ctx(row.id).await?;
    Ok(hook.workspace_created(&ctx, row).await.err().map(|error| error.message))
}

/// What to fix, all of it.
fn told(findings: &[PlaceFinding]) -> String {
    let broken: Vec<&str> =
        findings.iter().filter(|one| one.broken).map(|one| one.message.as_str()).collect();
    format!("{} Correct it, then update the workspace to try it again.", broken.join(" "))
}
