//! The rules of clusters: who may do what, in which state, and what it does.

use super::change::{self, begin, terminate, terminating};
use super::reasons::{self, reason};
use super::store::{self, Cluster};
use super::{events, pools, scripts, spec};
use crate::{Compute, policies};
use biplane_api::clusters::{
    ClusterCreate, ClusterEdit, ClusterResize, ClusterSpec, ClusterState as State, ClusterUpdate,
};
use biplane_api::ids::ClusterId;
use biplane_platform::acl::{self, CLUSTERS, Entry};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use serde_json::{Value, json};
use std::sync::Arc;

const CLUSTERS_PER_WORKSPACE_MAX: usize = 2000;
const PINNED_MAX: usize = 100;
const ATTEMPTS_MAX: usize = 5;

pub(super) fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Cluster {id:.64} does not exist"))
}

/// What clients read as "somebody else was quicker".
fn unexpected(row: &Cluster) -> ApiError {
    let (id, state) = (&row.id, row.state.as_str());
    let mut word = state.to_ascii_lowercase();
    word[..1].make_ascii_uppercase();
    ApiError::new(ErrorCode::InvalidState, format!("Cluster {id} is in unexpected state {word}."))
}

fn require(row: &Cluster, states: &[State]) -> Result<()> {
    if row.is(states) { Ok(()) } else { Err(unexpected(row)) }
}

fn contended() -> ApiError {
    ApiError::new(ErrorCode::Aborted, "The cluster is being changed by others. Try again.")
}

impl Compute {
    /// The cluster, when `ctx` has `level` on it.
    pub(crate) async fn cluster_for(&self, ctx: &Ctx, id: &str, level: &str) -> Result<Cluster> {
        if id.is_empty() {
            return Err(ApiError::invalid("Missing required field: cluster_id"));
        }
        let parsed: ClusterId = id.parse().map_err(|_| missing(id))?;
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        let row = store::get(&mut tx, &parsed).await?;
        let row = row.filter(|row| row.workspace_id == workspace && !row.deleted);
        let row = row.ok_or_else(|| missing(id))?;
        let entries = acl::entries(&mut tx, workspace, &CLUSTERS, id).await?;
        acl::require_in(ctx, &CLUSTERS, id, &entries, level).map_err(|error| match error.code {
            ErrorCode::ResourceDoesNotExist => missing(id),
            _ => error,
        })?;
        Ok(row)
    }

    pub async fn cluster_create(
        self: &Arc<Self>,
        ctx: &Ctx,
        request: &ClusterCreate,
    ) -> Result<ClusterId> {
        let workspace = ctx.workspace()?;
        let asked = match &request.clone_from {
            None => request.spec.clone(),
            Some(from) => {
                let source =
                    self.cluster_for(ctx, &from.source_cluster_id, "CAN_ATTACH_TO").await?;
                overlaid(&source.request, &request.spec)?
            }
        };
        let types = self.node_types_of(workspace).await?;
        let policed = self.policed(ctx, &asked, &types, None).await?;
        let pools = self.pools_of(ctx, &policed, None).await?;
        let pooled = pools::pooled(&policed, pools.0.as_ref(), pools.1.as_ref())?;
        let complete = spec::complete(&pooled, &types, &ctx.principal.name)?;
        self.cluster_reads_check(ctx, None, &complete).await?;
        let now = ctx.now_ms();
        let row = Cluster {
            id: ClusterId::random(),
            workspace_id: workspace,
            name: complete.cluster_name.clone().unwrap_or_default(),
            workers: spec::first_workers(&complete),
            spec: complete,
            request: policed,
            creator_name: ctx.principal.name.clone(),
            source: source(ctx).into(),
            state: State::Pending,
            state_message: "Starting hosts".into(),
            generation: 1,
            version: 1,
            reason: None,
            pinned_at: None,
            deleted: false,
            created_at: now,
            started_at: now,
            restarted_at: None,
            terminated_at: None,
            pending: None,
        };
        let mut tx = self.db.write().await?;
        if store::of_workspace(&mut tx, workspace).await?.len() >= CLUSTERS_PER_WORKSPACE_MAX {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                format!("A workspace has at most {CLUSTERS_PER_WORKSPACE_MAX} clusters."),
            ));
        }
        policies::require_room(&mut tx, &row).await?;
        store::insert(&mut tx, &row).await?;
        policies::libraries_want(&mut tx, &row).await?;
        for entry in [Entry::of(&ctx.principal, "CAN_MANAGE"), acl::existence(&CLUSTERS)] {
            acl::grant(&mut tx, workspace, &CLUSTERS, row.id.as_str(), &entry).await?;
        }
        let details = json!({
            "user": ctx.principal.name, "cluster_size": events::size(&row), "attributes": row.spec,
        });
        events::write(&mut tx, &row.id, "CREATING", details, now).await?;
        tx.commit().await?;
        self.cluster_keep(&row.id);
        Ok(row.id)
    }

    /// Changes a row in a state that `change` accepts. Whoever changed it meanwhile, it is looked at anew.
    async fn cluster_alter(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &str,
        level: &str,
        mut change: impl FnMut(&mut Cluster) -> Result<Option<(&'static str, Value)>>,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let row = self.cluster_for(ctx, id, level).await?;
            let mut new = row.clone();
            let event = change(&mut new)?;
            let Some((kind, details)) = event else {
                return Ok(());
            };
            if self.cluster_change(&row, |row| *row = new, Some((kind, details))).await? {
                self.cluster_keep(&row.id);
                return Ok(());
            }
        }
        Err(contended())
    }

    pub async fn cluster_edit(self: &Arc<Self>, ctx: &Ctx, request: &ClusterEdit) -> Result<()> {
        let row = self.cluster_for(ctx, &request.cluster_id, "CAN_MANAGE").await?;
        Box::pin(self.cluster_respec(ctx, &row, &request.spec, false)).await
    }

    pub async fn cluster_update(self: &Arc<Self>, ctx: &Ctx, asked: &ClusterUpdate) -> Result<()> {
        let row = self.cluster_for(ctx, &asked.cluster_id, "CAN_MANAGE").await?;
        let held = self.refreshed(ctx, &row).await?;
        let spec = masked(&held, &asked.cluster, &asked.update_mask)?;
        Box::pin(self.cluster_respec(ctx, &row, &spec, false)).await
    }

    /// A running cluster is restarted, for nothing else makes everything of it so, unless that may `wait` until
    /// it ends or begins anew.
    pub(crate) async fn cluster_respec(
        self: &Arc<Self>,
        ctx: &Ctx,
        row: &Cluster,
        asked: &ClusterSpec,
        wait: bool,
    ) -> Result<()> {
        let types = self.node_types_of(row.workspace_id).await?;
        let policed = self.policed(ctx, asked, &types, Some(row)).await?;
        let pools = self.pools_of(ctx, &policed, Some(row)).await?;
        let pooled = pools::pooled(&policed, pools.0.as_ref(), pools.1.as_ref())?;
        let complete = spec::complete(&pooled, &types, &row.creator_name)?;
        self.cluster_reads_check(ctx, Some(row), &complete).await?;
        let new = store::Pending { spec: complete.clone(), request: policed };
        if wait && row.is_active() {
            let scheduled = Some(("DEFERRED_POLICY_ENFORCEMENT_SCHEDULED", events::by(ctx)));
            let note = |row: &mut Cluster| row.pending = Some(Box::new(new));
            return match self.cluster_change(row, note, scheduled).await? {
                true => Ok(()),
                false => Err(contended()),
            };
        }
        let now = ctx.now_ms();
        self.cluster_alter(ctx, row.id.as_str(), "CAN_MANAGE", |row| {
            require(row, &[State::Running, State::Terminated])?;
            let details = json!({
                "user": ctx.principal.name,
                "previous_attributes": row.spec, "attributes": complete,
                "previous_cluster_size": events::size(row),
            });
            row.become_it(new.clone());
            match row.state {
                State::Running => {
                    begin(row, State::Restarting, now);
                    row.restarted_at = Some(now);
                }
                _ => row.workers = spec::first_workers(&row.spec),
            }
            Ok(Some(("EDITED", details)))
        })
        .await
    }

    pub async fn cluster_start(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        let now = ctx.now_ms();
        self.cluster_alter(ctx, id, "CAN_RESTART", |row| {
            require(row, &[State::Terminated])?;
            begin(row, State::Pending, now);
            let mut details = events::by(ctx);
            details["cluster_size"] = events::size(row);
            Ok(Some(("STARTING", details)))
        })
        .await
    }

    pub async fn cluster_restart(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        let now = ctx.now_ms();
        self.cluster_alter(ctx, id, "CAN_RESTART", |row| {
            require(row, &[State::Running, State::Resizing])?;
            begin(row, State::Restarting, now);
            row.restarted_at = Some(now);
            Ok(Some(("RESTARTING", events::by(ctx))))
        })
        .await
    }

    pub async fn cluster_resize(self: &Arc<Self>, ctx: &Ctx, asked: &ClusterResize) -> Result<()> {
        match (asked.num_workers, &asked.autoscale) {
            (Some(workers), None) => spec::workers_check(workers)?,
            (None, Some(autoscale)) => spec::autoscale_check(autoscale)?,
            _ => {
                return Err(ApiError::invalid(
                    "Exactly one of num_workers and autoscale must be given.",
                ));
            }
        }
        let row = self.cluster_for(ctx, &asked.cluster_id, "CAN_RESTART").await?;
        let mut sized = row.request.clone();
        (sized.num_workers, sized.autoscale) = (asked.num_workers, asked.autoscale.clone());
        self.size_policed(ctx, &row, &sized).await?;
        self.cluster_alter(ctx, &asked.cluster_id, "CAN_RESTART", |row| {
            require(row, &[State::Running, State::Resizing])?;
            if row.spec.is_single_node == Some(true) {
                return Err(ApiError::invalid("A single node cluster has no workers."));
            }
            let before = events::size(row);
            for spec in [&mut row.spec, &mut row.request] {
                (spec.num_workers, spec.autoscale) = (asked.num_workers, asked.autoscale.clone());
            }
            row.workers = match &asked.autoscale {
                Some(scale) => row.workers.clamp(
                    scale.min_workers.unwrap_or(0),
                    scale.max_workers.unwrap_or(row.workers).max(scale.min_workers.unwrap_or(0)),
                ),
                None => asked.num_workers.unwrap_or(row.workers),
            };
            row.state = State::Resizing;
            row.state_message = format!("Resizing to {} workers", row.workers);
            let mut details = events::by(ctx);
            details["cause"] = "USER_REQUEST".into();
            details["previous_cluster_size"] = before;
            details["cluster_size"] = events::size(row);
            details["target_num_workers"] = row.workers.into();
            Ok(Some(("RESIZING", details)))
        })
        .await
    }

    /// Ends it. It can be started again.
    pub async fn cluster_delete(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        self.cluster_alter(ctx, id, "CAN_RESTART", |row| {
            if row.is(&[State::Terminating, State::Terminated]) {
                return Ok(None);
            }
            Ok(Some(ended_by(ctx, row)))
        })
        .await
    }

    /// Ends it and forgets it.
    pub async fn cluster_permanent_delete(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        self.cluster_alter(ctx, id, "CAN_MANAGE", |row| {
            row.deleted = true;
            Ok(Some(match row.is(&[State::Terminating, State::Terminated]) {
                true => ("TERMINATING", events::by(ctx)),
                false => ended_by(ctx, row),
            }))
        })
        .await
    }

    pub async fn cluster_pin(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.require_workspace_admin()?;
        let workspace = ctx.workspace()?;
        let all = store::of_workspace(&mut self.db.read().await?, workspace).await?;
        let pinned = all.iter().filter(|row| row.pinned_at.is_some()).count();
        self.cluster_alter(ctx, id, "CAN_MANAGE", |row| {
            if row.pinned_at.is_some() {
                return Ok(None);
            }
            if pinned >= PINNED_MAX {
                let text = format!("A workspace has at most {PINNED_MAX} pinned clusters.");
                return Err(ApiError::new(ErrorCode::ResourceExhausted, text));
            }
            row.pinned_at = Some(ctx.now_ms());
            Ok(Some(("PINNED", events::by(ctx))))
        })
        .await
    }

    pub async fn cluster_unpin(self: &Arc<Self>, ctx: &Ctx, id: &str) -> Result<()> {
        ctx.require_workspace_admin()?;
        self.cluster_alter(ctx, id, "CAN_MANAGE", |row| {
            let was = row.pinned_at.take();
            Ok(was.map(|_| ("UNPINNED", events::by(ctx))))
        })
        .await
    }

    pub async fn cluster_owner_change(
        self: &Arc<Self>,
        ctx: &Ctx,
        id: &str,
        owner: &str,
    ) -> Result<()> {
        ctx.require_workspace_admin()?;
        self.cluster_for(ctx, id, "CAN_MANAGE").await?;
        let places = self.clusters.places.read().clone();
        let known = match places {
            Some(places) => places.is_member(ctx.workspace()?, owner).await?,
            None => false,
        };
        if !known {
            return Err(ApiError::not_found(format!("User {owner:.255} does not exist.")));
        }
        self.cluster_alter(ctx, id, "CAN_MANAGE", |row| {
            require(row, &[State::Terminated])?;
            row.creator_name = owner.to_owned();
            Ok(Some(("EDITED", events::by(ctx))))
        })
        .await
    }

    /// The end of a workspace: nothing of its clusters stays. True when nothing is left.
    pub(crate) async fn clusters_forget(
        self: &Arc<Self>,
        workspace: biplane_api::ids::WorkspaceId,
    ) -> Result<bool> {
        let mut tx = self.db.write().await?;
        let rows = store::of_workspace(&mut tx, workspace).await?;
        let reason = reason("USER_REQUEST", reasons::SUCCESS, &[]);
        for row in &rows {
            let go = |row: &mut Cluster| {
                row.deleted = true;
                if !row.is(&[State::Terminating, State::Terminated]) {
                    terminate(row, &reason);
                }
            };
            change::write(&mut tx, row, go, None, self.clock.now_ms()).await?;
        }
        scripts::forget_workspace(&mut tx, workspace).await?;
        super::profiles::forget_workspace(&mut tx, workspace).await?;
        let left = store::hosts_of_workspace(&mut tx, workspace).await?;
        tx.commit().await?;
        for row in &rows {
            self.cluster_keep(&row.id);
        }
        Ok(rows.is_empty() && left.is_empty())
    }
}

fn ended_by(ctx: &Ctx, row: &mut Cluster) -> (&'static str, Value) {
    let reason =
        reason("USER_REQUEST", reasons::SUCCESS, &[("username", ctx.principal.name.as_str())]);
    terminate(row, &reason);
    ("TERMINATING", terminating(&reason, Some(ctx)))
}

fn source(ctx: &Ctx) -> &'static str {
    let browser = ctx.user_agent.as_deref().is_some_and(|agent| agent.starts_with("Mozilla/"));
    if browser { "UI" } else { "API" }
}

fn object(spec: &ClusterSpec) -> Result<serde_json::Map<String, Value>> {
    match serde_json::to_value(spec) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(ApiError::internal("a cluster's specification is an object")),
        Err(error) => Err(ApiError::internal(error)),
    }
}

fn spec_of(map: serde_json::Map<String, Value>) -> Result<ClusterSpec> {
    serde_json::from_value(Value::Object(map)).map_err(ApiError::internal)
}

/// `over` where it says something, else `under`.
fn overlaid(under: &ClusterSpec, over: &ClusterSpec) -> Result<ClusterSpec> {
    let mut map = object(under)?;
    let over = object(over)?;
    resized(&mut map, |name| over.contains_key(name));
    map.extend(over);
    spec_of(map)
}

/// A size replaces the other kind of size.
fn resized(map: &mut serde_json::Map<String, Value>, says: impl Fn(&str) -> bool) {
    if says("num_workers") || says("autoscale") {
        map.remove("num_workers");
        map.remove("autoscale");
    }
}

/// `new` in the fields that the mask names; what it names and `new` does not say is unset.
fn masked(old: &ClusterSpec, new: &ClusterSpec, mask: &str) -> Result<ClusterSpec> {
    if mask.trim() == "*" {
        return Ok(new.clone());
    }
    let (mut map, new) = (object(old)?, object(new)?);
    let names: Vec<&str> = mask.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(ApiError::invalid("update_mask names what is to be changed."));
    }
    resized(&mut map, |name| names.contains(&name) && new.contains_key(name));
    for name in names {
        let (field, below) = name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)));
        if !FIELDS.contains(&field) {
            return Err(ApiError::invalid(format!(
                "update_mask names {name:.64}, which is no field."
            )));
        }
        match below {
            None => match new.get(field) {
                Some(value) => map.insert(field.into(), value.clone()),
                None => map.remove(field),
            },
            Some(below) => {
                let value = new.get(field).and_then(|value| value.get(below)).cloned();
                let inner = map.entry(field).or_insert_with(|| json!({}));
                let Some(inner) = inner.as_object_mut() else {
                    return Err(ApiError::invalid(format!("update_mask: {field} has no parts.")));
                };
                match value {
                    Some(value) => inner.insert(below.into(), value),
                    None => inner.remove(below),
                }
            }
        };
    }
    spec_of(map)
}

const FIELDS: &[&str] = &[
    "apply_policy_default_values",
    "autoscale",
    "autotermination_minutes",
    "aws_attributes",
    "cluster_log_conf",
    "cluster_name",
    "custom_tags",
    "data_security_mode",
    "docker_image",
    "driver_instance_pool_id",
    "driver_node_type_flexibility",
    "driver_node_type_id",
    "enable_elastic_disk",
    "enable_local_disk_encryption",
    "init_scripts",
    "instance_pool_id",
    "is_single_node",
    "kind",
    "node_type_id",
    "num_workers",
    "policy_id",
    "runtime_engine",
    "single_user_name",
    "spark_conf",
    "spark_env_vars",
    "spark_version",
    "ssh_public_keys",
    "use_ml_runtime",
    "worker_node_type_flexibility",
    "workload_type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_says_what_changes() {
        let old = ClusterSpec {
            cluster_name: Some("old".into()),
            num_workers: Some(2),
            autotermination_minutes: Some(10),
            ..ClusterSpec::default()
        };
        let new = ClusterSpec { cluster_name: Some("new".into()), ..ClusterSpec::default() };
        let after = masked(&old, &new, "cluster_name, autotermination_minutes").unwrap();
        assert_eq!(after.cluster_name.as_deref(), Some("new"));
        assert_eq!((after.autotermination_minutes, after.num_workers), (None, Some(2)));
        assert!(masked(&old, &new, "nonsense").is_err());
        assert!(masked(&old, &new, "").is_err());
        let scaled: ClusterSpec =
            serde_json::from_str(r#"{"autoscale": {"min_workers": 1, "max_workers": 3}}"#).unwrap();
        let after = masked(&old, &scaled, "autoscale").unwrap();
        assert!(after.num_workers.is_none() && after.autoscale.is_some());
        assert_eq!(masked(&old, &new, "*").unwrap(), new);
    }
}
