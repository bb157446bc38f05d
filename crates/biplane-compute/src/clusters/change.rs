//! Changes of a cluster's row: decided on one version of it, written only if it still is that one.

use super::events;
use super::store::{self, Cluster};
use crate::{Compute, policies};
use biplane_api::clusters::{ClusterState, ClusterTermination};
use biplane_platform::{Ctx, Result, Tx};
use serde_json::{Value, json};

impl Compute {
    /// False: somebody else changed it meanwhile, and nothing was written.
    pub(super) async fn cluster_change(
        &self,
        row: &Cluster,
        change: impl FnOnce(&mut Cluster),
        event: Option<(&str, Value)>,
    ) -> Result<bool> {
        let kind = event.as_ref().map(|(kind, _)| (*kind).to_owned());
        let mut tx = self.db.write().await?;
        let written = write(&mut tx, row, change, event, self.clock.now_ms()).await?;
        if written {
            tx.commit().await?;
            if let Some(kind) = kind {
                self.clusters.logs.tell(&row.id, self.clock.now_ms(), &kind);
            }
        }
        Ok(written)
    }
}

pub(super) async fn write(
    tx: &mut Tx,
    row: &Cluster,
    change: impl FnOnce(&mut Cluster),
    event: Option<(&str, Value)>,
    now: i64,
) -> Result<bool> {
    let mut new = row.clone();
    change(&mut new);
    if new.is_active() && (!row.is_active() || row.spec.policy_id != new.spec.policy_id) {
        policies::require_room(tx, &new).await?;
    }
    if !store::update(tx, &new).await? {
        return Ok(false);
    }
    if new.is_active() && new.generation != row.generation {
        policies::libraries_want(tx, &new).await?;
    }
    if let Some((kind, details)) = event {
        events::write(tx, &row.id, kind, details, now).await?;
    }
    Ok(true)
}

/// It is to end; its hosts go, then it is TERMINATED.
pub(super) fn terminate(row: &mut Cluster, reason: &ClusterTermination) {
    let said = ["databricks_error_message", "aws_error_message", "provider_error_message"];
    let said = said.iter().find_map(|name| reason.parameters.get(*name));
    row.state = ClusterState::Terminating;
    row.state_message = match (reason.code.as_str(), said) {
        ("USER_REQUEST", _) => "Terminated by a user".into(),
        ("INACTIVITY", _) => "Terminated for having nothing to do".into(),
        (code, Some(said)) => format!("{code}: {said}"),
        (code, None) => code.to_owned(),
    };
    row.reason = Some(reason.clone());
}

pub(super) fn terminating(reason: &ClusterTermination, ctx: Option<&Ctx>) -> Value {
    let mut details = json!({ "reason": reason });
    if let Some(ctx) = ctx {
        details["user"] = ctx.principal.name.clone().into();
    }
    details
}

/// A new life: hosts of before are ended, others come.
pub(super) fn begin(row: &mut Cluster, state: ClusterState, now: i64) {
    if let Some(new) = row.pending.take() {
        row.become_it(*new);
    }
    row.state = state;
    row.generation += 1;
    row.reason = None;
    row.terminated_at = None;
    row.started_at = now;
    row.workers = super::spec::first_workers(&row.spec);
    row.state_message = "Starting hosts".into();
}
