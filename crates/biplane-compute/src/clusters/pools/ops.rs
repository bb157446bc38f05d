//! The rules of pools: who makes and uses them.

use super::super::store as clusters;
use super::spec;
use super::store::{self, Pool};
use crate::Compute;
use biplane_api::clusters::ClusterSpec;
use biplane_api::ids::{InstancePoolId, WorkspaceId};
use biplane_api::pools::{InstancePool, InstancePoolEdit, InstancePoolSpec, InstancePoolStatus};
use biplane_platform::acl::{self, Entry, INSTANCE_POOLS};
use biplane_platform::{ApiError, Ctx, Entitlement, ErrorCode, Result, Tx};
use std::sync::Arc;

const POOLS_PER_WORKSPACE_MAX: usize = 100;

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Instance pool {id:.64} does not exist"))
}

fn taken(name: &str) -> ApiError {
    ApiError::new(
        ErrorCode::ResourceAlreadyExists,
        format!("An instance pool named {name:.100} already exists."),
    )
}

async fn view(tx: &mut Tx, pool: Pool) -> Result<InstancePool> {
    let stats = store::stats(tx, pool.id.as_str()).await?;
    let default_tags = default_tags(&pool);
    Ok(InstancePool {
        instance_pool_id: pool.id,
        spec: pool.spec,
        state: "ACTIVE".into(),
        stats,
        status: InstancePoolStatus { pending_instance_errors: pool.problems },
        default_tags: default_tags.into(),
    })
}

/// What all its machines are tagged with.
pub(super) fn default_tags(pool: &Pool) -> [(String, String); 4] {
    [
        ("Vendor", "Biplane"),
        ("InstancePoolCreator", pool.creator_name.as_str()),
        ("InstancePoolName", pool.name()),
        ("InstancePoolId", pool.id.as_str()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
}

impl Compute {
    /// The pool, when `ctx` has `level` on it.
    async fn pool_for(&self, ctx: &Ctx, id: &str, level: &str) -> Result<Pool> {
        if id.is_empty() {
            return Err(ApiError::invalid("Missing required field: instance_pool_id"));
        }
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        let pool = store::get(&mut tx, id).await?;
        let pool = pool.filter(|pool| pool.workspace_id == workspace && !pool.deleted);
        let pool = pool.ok_or_else(|| missing(id))?;
        let entries = acl::entries(&mut tx, workspace, &INSTANCE_POOLS, id).await?;
        acl::require_in(ctx, &INSTANCE_POOLS, id, &entries, level).map_err(
            |error| match error.code {
                ErrorCode::ResourceDoesNotExist => missing(id),
                _ => error,
            },
        )?;
        Ok(pool)
    }

    /// The pools that a cluster's specification names, of workers and driver, each usable by who asks. What
    /// the cluster has already is not asked about again.
    pub(crate) async fn pools_of(
        &self,
        ctx: &Ctx,
        asked: &ClusterSpec,
        held: Option<&clusters::Cluster>,
    ) -> Result<(Option<Pool>, Option<Pool>)> {
        let mut found = [None, None];
        let ids = [&asked.instance_pool_id, &asked.driver_instance_pool_id];
        let held = held.map(|row| [&row.spec.instance_pool_id, &row.spec.driver_instance_pool_id]);
        for (id, found) in ids.into_iter().zip(&mut found) {
            let Some(id) = id.as_deref().filter(|id| !id.is_empty()) else { continue };
            let keeps = held.is_some_and(|held| held.iter().any(|one| one.as_deref() == Some(id)));
            let pool = match keeps {
                true => {
                    store::get(&mut self.db.read().await?, id).await?.filter(|pool| !pool.deleted)
                }
                false => Some(self.pool_for(ctx, id, "CAN_ATTACH_TO").await?),
            };
            *found = Some(pool.ok_or_else(|| missing(id))?);
        }
        let [workers, driver] = found;
        Ok((workers, driver))
    }

    pub async fn pool_create(
        self: &Arc<Self>,
        ctx: &Ctx,
        asked: &InstancePoolSpec,
    ) -> Result<InstancePoolId> {
        let workspace = ctx.workspace()?;
        if !ctx.principal.workspace_admin {
            ctx.require_entitlement(Entitlement::AllowInstancePoolCreate)?;
        }
        let types = self.node_types_of(workspace).await?;
        let spec = spec::complete(asked, &types)?;
        self.profile_known(ctx, None, spec::attributes(&spec).instance_profile_arn.as_deref())
            .await?;
        let pool = Pool {
            id: InstancePoolId::random(),
            workspace_id: workspace,
            spec,
            creator_name: ctx.principal.name.clone(),
            problems: Vec::new(),
            deleted: false,
            created_at: ctx.now_ms(),
        };
        let mut tx = self.db.write().await?;
        let others = store::of_workspace(&mut tx, workspace).await?;
        if others.len() >= POOLS_PER_WORKSPACE_MAX {
            return Err(ApiError::invalid(format!(
                "A workspace has at most {POOLS_PER_WORKSPACE_MAX} instance pools."
            )));
        }
        if others.iter().any(|other| other.name() == pool.name()) {
            return Err(taken(pool.name()));
        }
        store::insert(&mut tx, &pool).await?;
        for entry in [Entry::of(&ctx.principal, "CAN_MANAGE"), acl::existence(&INSTANCE_POOLS)] {
            acl::grant(&mut tx, workspace, &INSTANCE_POOLS, pool.id.as_str(), &entry).await?;
        }
        tx.commit().await?;
        Ok(pool.id)
    }

    /// What its hosts are stays as it was made; the rest may change, for those made from now on.
    pub async fn pool_edit(&self, ctx: &Ctx, request: &InstancePoolEdit) -> Result<()> {
        let row = self.pool_for(ctx, &request.instance_pool_id, "CAN_MANAGE").await?;
        let asked = &request.spec;
        if asked.node_type_id.as_ref().is_some_and(|name| name != row.node_type()) {
            return Err(ApiError::invalid("The node type of an instance pool cannot be changed."));
        }
        let wanted = InstancePoolSpec {
            instance_pool_name: asked.instance_pool_name.clone(),
            min_idle_instances: asked.min_idle_instances,
            max_capacity: asked.max_capacity,
            idle_instance_autotermination_minutes: asked.idle_instance_autotermination_minutes,
            custom_tags: asked.custom_tags.clone(),
            aws_attributes: asked.aws_attributes.clone().or(row.spec.aws_attributes.clone()),
            disk_spec: asked.disk_spec.clone().or(row.spec.disk_spec.clone()),
            // None that was made has these: they are refused.
            azure_attributes: asked.azure_attributes.clone(),
            gcp_attributes: asked.gcp_attributes.clone(),
            remote_disk_throughput: asked.remote_disk_throughput,
            total_initial_remote_disk_size: asked.total_initial_remote_disk_size,
            ..row.spec.clone()
        };
        let types = self.node_types_of(row.workspace_id).await?;
        let spec = spec::complete(&wanted, &types)?;
        if unlike(&spec, &row.spec) {
            return Err(ApiError::unsupported(
                "Changing what the hosts of an instance pool are, beside their availability",
            ));
        }
        let mut tx = self.db.write().await?;
        let mut row =
            store::get(&mut tx, row.id.as_str()).await?.ok_or_else(|| missing(row.id.as_str()))?;
        if row.deleted {
            return Err(missing(row.id.as_str()));
        }
        row.spec = spec;
        let others = store::of_workspace(&mut tx, row.workspace_id).await?;
        if others.iter().any(|other| other.id != row.id && other.name() == row.name()) {
            return Err(taken(row.name()));
        }
        store::update(&mut tx, &row).await?;
        tx.commit().await
    }

    /// Its idle hosts end; clusters keep theirs until they end.
    pub async fn pool_delete(&self, ctx: &Ctx, id: &str) -> Result<()> {
        let mut row = self.pool_for(ctx, id, "CAN_MANAGE").await?;
        row.deleted = true;
        let mut tx = self.db.write().await?;
        store::update(&mut tx, &row).await?;
        acl::clear(&mut tx, row.workspace_id, &INSTANCE_POOLS, id).await?;
        tx.commit().await
    }

    pub async fn pool_get(&self, ctx: &Ctx, id: &str) -> Result<InstancePool> {
        let pool = self.pool_for(ctx, id, "CAN_ATTACH_TO").await?;
        view(&mut self.db.read().await?, pool).await
    }

    pub async fn pool_list(&self, ctx: &Ctx) -> Result<Vec<InstancePool>> {
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        let mut seen = Vec::new();
        for pool in store::of_workspace(&mut tx, workspace).await? {
            let entries =
                acl::entries(&mut tx, workspace, &INSTANCE_POOLS, pool.id.as_str()).await?;
            if acl::rank(ctx, &INSTANCE_POOLS, &entries).is_some() {
                seen.push(view(&mut tx, pool).await?);
            }
        }
        Ok(seen)
    }

    /// The end of a workspace. True when nothing is left.
    pub(crate) async fn pools_forget(&self, workspace: WorkspaceId) -> Result<bool> {
        let mut tx = self.db.write().await?;
        for mut pool in store::of_workspace(&mut tx, workspace).await? {
            pool.deleted = true;
            store::update(&mut tx, &pool).await?;
            acl::clear(&mut tx, workspace, &INSTANCE_POOLS, pool.id.as_str()).await?;
        }
        let left = store::any_of_workspace(&mut tx, workspace).await?;
        tx.commit().await?;
        Ok(!left)
    }
}

/// Hosts of the one could not stand for hosts of the other.
fn unlike(new: &InstancePoolSpec, old: &InstancePoolSpec) -> bool {
    let kind = |spec: &InstancePoolSpec| {
        let mut hosts = spec::attributes(spec);
        hosts.availability = None;
        hosts.zone_id = hosts.zone_id.filter(|zone| zone != "auto");
        hosts
    };
    kind(new) != kind(old)
}
