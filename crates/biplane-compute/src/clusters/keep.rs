//! Makes the hosts of clusters follow their rows. One task per cluster that is not at rest, woken by every
//! change, by nodes that come and go, and by its own next deadline; it takes no input but the database and
//! what is connected, so it can stop and begin again at any point.

use super::Keeper;
use super::change::{terminate, terminating};
use super::deliver;
use super::hosts::{self, Order};
use super::libraries;
use super::pools;
use super::reasons::{self, reason};
use super::scale;
use super::scripts::{self, Prepared};
use super::spec;
use super::store::{self, Cluster, HostRow, TOPIC};
use crate::Compute;
use biplane_api::clusters::{ClusterState as State, ClusterTermination};
use biplane_api::ids::{ClusterId, NodeId};
use biplane_platform::acl::{self, CLUSTERS};
use biplane_platform::db::Change;
use biplane_platform::{ErrorCode, Result};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

/// When the database or a provider does not answer.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(1);
/// News may be lost; nothing stands still for longer.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What the task of a cluster remembers between its steps.
#[derive(Default)]
pub(super) struct Memory {
    /// Machines that this task ordered.
    pub orders: HashMap<NodeId, Order>,
    /// Since when hosts that were there are not connected.
    pub lost: HashMap<NodeId, Instant>,
    /// When the provider was asked last how they are.
    pub asked_at: Option<Instant>,
    /// Since when a provider does not say what it has.
    pub untold_since: Option<Instant>,
    pub alarm: Option<Instant>,
    /// When logs were delivered last.
    pub delivered_at: Option<Instant>,
    pub scale: scale::Memory,
}

impl Memory {
    pub fn wake_at(&mut self, at: Instant) {
        self.alarm = Some(self.alarm.map_or(at, |earlier| earlier.min(at)));
    }
}

#[derive(PartialEq, Eq)]
pub(super) enum Next {
    /// Something changed: look at everything again.
    Again,
    /// Nothing to do before the alarm or a change.
    Rest,
    /// Nothing is left to be done for this cluster.
    Done,
}

impl Compute {
    /// Has the task of this cluster look, or begins one.
    pub(crate) fn cluster_keep(self: &Arc<Self>, id: &ClusterId) {
        let mut keepers = self.clusters.keepers.lock();
        if let Some(keeper) = keepers.get(id) {
            return keeper.ask();
        }
        if self.clusters.providers.read().is_empty() {
            // Not yet; what there is to do is looked for when there are some.
            return;
        }
        let keeper = Arc::new(Keeper::default());
        keepers.insert(id.clone(), keeper.clone());
        tokio::spawn(run(self.clone(), id.clone(), keeper));
    }

    /// Begins the tasks of clusters that are not at rest, whoever changed them.
    pub(super) async fn clusters_keep(self: Arc<Self>, mut news: broadcast::Receiver<Change>) {
        let mut all = true;
        loop {
            if all && let Err(error) = self.clusters_look().await {
                tracing::warn!(%error, cause = ?error.internal, "clusters could not be looked at");
            }
            let change = tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => None,
                change = news.recv() => Some(change),
            };
            all = match change {
                None | Some(Err(RecvError::Lagged(_))) => true,
                Some(Ok(change)) if &*change.topic == TOPIC => match change.key.parse() {
                    Ok(id) => {
                        self.cluster_keep(&id);
                        false
                    }
                    Err(_) => true,
                },
                Some(Ok(change)) if &*change.topic == pools::store::TOPIC => {
                    match change.key.parse() {
                        Ok(id) => {
                            self.pool_keep(&id);
                            false
                        }
                        Err(_) => true,
                    }
                }
                Some(Ok(change)) => &*change.topic == "*",
                Some(Err(RecvError::Closed)) => return,
            };
        }
    }

    async fn clusters_look(self: &Arc<Self>) -> Result<()> {
        let active = store::active(&mut self.db.read().await?).await?;
        for id in active {
            self.cluster_keep(&id);
        }
        self.pools_look().await
    }
}

async fn run(compute: Arc<Compute>, id: ClusterId, keeper: Arc<Keeper>) {
    let mut memory = Memory::default();
    loop {
        keeper.asked.store(false, Ordering::SeqCst);
        memory.alarm = None;
        match step(&compute, &id, &mut memory).await {
            Ok(Next::Again) => continue,
            Ok(Next::Done) => {
                let mut keepers = compute.clusters.keepers.lock();
                if !keeper.asked.load(Ordering::SeqCst) {
                    keepers.remove(&id);
                    compute.clusters.used.lock().remove(&id);
                    compute.clusters.environments.lock().remove(&id);
                    return;
                }
                continue;
            }
            Ok(Next::Rest) => {}
            Err(error) => {
                tracing::warn!(cluster_id = %id, %error, cause = ?error.internal, "a cluster could not be looked after");
                memory.wake_at(Instant::now() + TRY_AGAIN);
            }
        }
        let alarm = memory.alarm;
        let deadline = async {
            match alarm {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = keeper.wake.notified() => {}
            () = deadline => {}
            () = compute.stop.cancelled() => return,
        }
    }
}

async fn step(compute: &Arc<Compute>, id: &ClusterId, memory: &mut Memory) -> Result<Next> {
    let (row, hosts) = {
        let mut tx = compute.db.read().await?;
        (store::get(&mut tx, id).await?, store::hosts(&mut tx, id).await?)
    };
    let Some(row) = row else {
        // The hosts of one that is gone are nobody's: they are reaped.
        return Ok(Next::Done);
    };
    let ending = row.deleted || row.is(&[State::Terminating, State::Terminated]);
    let goes =
        |host: &HostRow| ending || host.generation != row.generation || host.ordinal > row.workers;
    let (going, staying): (Vec<_>, Vec<_>) = hosts.into_iter().partition(goes);
    if !going.is_empty() && hosts::end(compute, &row, &going, memory).await? {
        return Ok(Next::Again);
    }
    if ending {
        return at_the_end(compute, &row, going.is_empty()).await;
    }
    compute.clusters.logs.begin(&row.id, compute.clock.now_ms());
    for part in [
        hosts::order(compute, &row, &staying, memory).await?,
        hosts::make(compute, &row, &staying, memory).await?,
        hosts::watch(compute, &row, &staying, memory).await?,
    ] {
        if part == Next::Again {
            return Ok(Next::Again);
        }
    }
    if row.state != State::Running {
        return settle(compute, &row, &staying).await;
    }
    libraries::keep(compute, &row, &staying).await?;
    deliver::keep(compute, &row, memory);
    if scale::keep(compute, &row, &staying, memory).await? == Next::Again {
        return Ok(Next::Again);
    }
    watch_idleness(compute, &row, memory).await
}

async fn at_the_end(compute: &Arc<Compute>, row: &Cluster, nothing_left: bool) -> Result<Next> {
    if !nothing_left {
        return Ok(Next::Rest);
    }
    if row.state != State::Terminated {
        deliver::at_end(compute, row).await;
        let now = compute.clock.now_ms();
        let edited = row.pending.as_ref().map(|new| {
            ("EDITED", json!({ "previous_attributes": row.spec, "attributes": new.spec }))
        });
        let end = |row: &mut Cluster| {
            row.state = State::Terminated;
            row.terminated_at = Some(now);
            if let Some(new) = row.pending.take() {
                row.become_it(*new);
                row.workers = spec::first_workers(&row.spec);
            }
        };
        compute.cluster_change(row, end, edited).await?;
        tracing::info!(cluster_id = %row.id, reason = ?row.reason.as_ref().map(|why| &why.code), "cluster terminated");
        return Ok(Next::Again);
    }
    if row.deleted {
        let mut tx = compute.db.write().await?;
        store::delete(&mut tx, &row.id).await?;
        acl::clear(&mut tx, row.workspace_id, &CLUSTERS, row.id.as_str()).await?;
        tx.commit().await?;
        compute.clusters.logs.forget(&row.id);
        compute.clusters.log_status.lock().remove(&row.id);
    }
    Ok(Next::Done)
}

/// All hosts are there: it runs.
async fn settle(compute: &Arc<Compute>, row: &Cluster, hosts: &[HostRow]) -> Result<Next> {
    let there = hosts.iter().filter(|host| host.ready).count();
    if i64::try_from(there) != Ok(row.workers + 1) {
        return Ok(Next::Rest);
    }
    if let Err(error) = compute.cluster_environment(row).await {
        if error.code.http_status().is_server_error() && error.code != ErrorCode::FeatureDisabled {
            return Err(error);
        }
        let text = format!("A secret could not be read for the cluster: {}", error.message);
        let said = [("databricks_error_message", text.as_str())];
        let why = reason("SECRET_RESOLUTION_ERROR", reasons::CLIENT_ERROR, &said);
        return give_up(compute, row, &why).await;
    }
    if scripts::before_use(compute, row, hosts).await? == Prepared::Soon {
        return Ok(Next::Rest);
    }
    let event = match row.state {
        State::Resizing => "UPSIZE_COMPLETED",
        _ => "RUNNING",
    };
    compute.clusters.used(&row.id);
    let runs = |row: &mut Cluster| {
        row.state = State::Running;
        row.state_message = String::new();
    };
    let details = json!({ "current_num_workers": row.workers, "target_num_workers": row.workers });
    if compute.cluster_change(row, runs, Some((event, details))).await? {
        tracing::info!(cluster_id = %row.id, workers = row.workers, "cluster runs");
    }
    Ok(Next::Again)
}

async fn watch_idleness(
    compute: &Arc<Compute>,
    row: &Cluster,
    memory: &mut Memory,
) -> Result<Next> {
    let minutes = row.spec.autotermination_minutes.unwrap_or(0);
    let patience = compute.config.minute.saturating_mul(u32::try_from(minutes).unwrap_or(0));
    if patience.is_zero() {
        return Ok(Next::Rest);
    }
    let now = Instant::now();
    let idle = now.saturating_duration_since(compute.clusters.last_used(&row.id));
    let idle = compute.code_idle(&row.id).map_or(idle, |of_code| idle.min(of_code));
    if idle < patience {
        memory.wake_at(now + (patience - idle));
        return Ok(Next::Rest);
    }
    let minutes = minutes.to_string();
    let why = reason("INACTIVITY", reasons::SUCCESS, &[("inactivity_duration_min", &minutes)]);
    give_up(compute, row, &why).await
}

pub(super) async fn give_up(
    compute: &Arc<Compute>,
    row: &Cluster,
    why: &ClusterTermination,
) -> Result<Next> {
    let event = Some(("TERMINATING", terminating(why, None)));
    if compute.cluster_change(row, |row| terminate(row, why), event).await? {
        tracing::info!(cluster_id = %row.id, reason = why.code, "cluster ends");
    }
    Ok(Next::Again)
}
