//! Policies at work: what is asked of a cluster goes through here before anything else is made of it.

use super::check::{self, Violations};
use super::families::definition;
use super::ops::{libraries, missing};
use super::rule::Definition;
use super::store::{self, PolicyRow};
use crate::Compute;
use crate::clusters::library_want;
use crate::clusters::pools::store as pools;
use crate::clusters::store as clusters;
use crate::provider::NodeType;
use biplane_api::clusters::ClusterSpec;
use biplane_platform::acl::{self, CLUSTER_POLICIES};
use biplane_platform::{ApiError, Ctx, Entitlement, ErrorCode, Result, Tx};

impl Compute {
    /// What is asked for, with what its policy fixes; refused when it does not keep to it, or when who
    /// asks may not use it. `held` is the cluster that there already is.
    pub(crate) async fn policed(
        &self,
        ctx: &Ctx,
        asked: &ClusterSpec,
        types: &[NodeType],
        held: Option<&clusters::Cluster>,
    ) -> Result<ClusterSpec> {
        let id = asked.policy_id.as_deref().filter(|id| !id.is_empty());
        let Some(id) = id else {
            let freed = held.is_none_or(|row| row.policy().is_some());
            if freed && !ctx.principal.workspace_admin {
                ctx.require_entitlement(Entitlement::AllowClusterCreate)?;
            }
            return Ok(asked.clone());
        };
        let keeps = held.is_some_and(|row| row.policy() == Some(id));
        let policy = match keeps {
            true => self.policy_kept(ctx, id).await?,
            false => self.policy_for(ctx, id).await?,
        };
        let definition = definition(&policy.spec)?;
        let mut seen = check::seen(asked)?;
        check::fill(&definition, &mut seen, asked.apply_policy_default_values == Some(true));
        let filled = check::unseen(seen)?;
        let wrong = self.violations(&definition, &filled, types).await?;
        match wrong.is_empty() {
            true => Ok(filled),
            false => Err(check::refusal(&wrong)),
        }
    }

    /// What does not keep to the policy. A pool says which machines there are to be.
    pub(super) async fn violations(
        &self,
        definition: &Definition,
        spec: &ClusterSpec,
        types: &[NodeType],
    ) -> Result<Violations> {
        let mut seen = check::seen(spec)?;
        let ids = [&spec.instance_pool_id, &spec.driver_instance_pool_id];
        if ids.iter().any(|id| id.is_some()) {
            let mut tx = self.db.read().await?;
            let mut machines = [None, None];
            for (id, machine) in ids.into_iter().zip(&mut machines) {
                if let Some(id) = id.as_deref().filter(|id| !id.is_empty()) {
                    let pool = pools::get(&mut tx, id).await?;
                    *machine = pool.map(|pool| pool.node_type().to_owned());
                }
            }
            let [workers, driver] = machines;
            let driver = driver.or_else(|| workers.clone());
            check::machines(definition, &mut seen, workers, driver);
        }
        Ok(check::violations(definition, &seen, types))
    }

    /// Refuses a size that the cluster's policy does not allow; the rest of it is not looked at.
    pub(crate) async fn size_policed(
        &self,
        ctx: &Ctx,
        held: &clusters::Cluster,
        sized: &ClusterSpec,
    ) -> Result<()> {
        let Some(id) = held.policy() else { return Ok(()) };
        let policy = self.policy_kept(ctx, id).await?;
        let types = self.node_types_of(held.workspace_id).await?;
        let definition = definition(&policy.spec)?;
        let mut wrong = self.violations(&definition, sized, &types).await?;
        wrong.retain(|path, _| check::is_size(path));
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(check::refusal(&wrong)),
        }
    }

    /// What a cluster is asked to be, with what its policy fixes by now.
    pub(crate) async fn refreshed(
        &self,
        ctx: &Ctx,
        held: &clusters::Cluster,
    ) -> Result<ClusterSpec> {
        let Some(id) = held.policy() else { return Ok(held.request.clone()) };
        let row = store::get(&mut self.db.read().await?, ctx.workspace()?, id).await?;
        let Some(policy) = row else { return Ok(held.request.clone()) };
        let mut seen = check::seen(&held.request)?;
        check::refix(&definition(&policy.spec)?, &mut seen);
        check::unseen(seen)
    }

    /// The policy, when `ctx` may use it.
    pub(super) async fn policy_for(&self, ctx: &Ctx, id: &str) -> Result<PolicyRow> {
        let workspace = ctx.workspace()?;
        self.policies_begin(workspace).await?;
        let mut tx = self.db.read().await?;
        let row = store::get(&mut tx, workspace, id).await?.ok_or_else(|| missing(id))?;
        let entries = acl::entries(&mut tx, workspace, &CLUSTER_POLICIES, id).await?;
        acl::require_in(ctx, &CLUSTER_POLICIES, id, &entries, "CAN_USE").map_err(|error| {
            match error.code {
                ErrorCode::ResourceDoesNotExist => missing(id),
                _ => error,
            }
        })?;
        Ok(row)
    }

    /// The policy that a cluster already has.
    async fn policy_kept(&self, ctx: &Ctx, id: &str) -> Result<PolicyRow> {
        let row = store::get(&mut self.db.read().await?, ctx.workspace()?, id).await?;
        row.ok_or_else(|| {
            ApiError::invalid(format!(
                "The cluster policy {id:.64} was deleted: clusters of it run on, but can be changed only with another one or none."
            ))
        })
    }
}

/// A cluster that begins anew gets the libraries of its policy.
pub(crate) async fn libraries_want(tx: &mut Tx, row: &clusters::Cluster) -> Result<()> {
    let Some(id) = row.policy() else { return Ok(()) };
    let Some(policy) = store::get(tx, row.workspace_id, id).await? else { return Ok(()) };
    for library in libraries(&policy.spec)? {
        library_want(tx, &row.id, &library).await?;
    }
    Ok(())
}

/// Refuses when who made the cluster has as many of its policy at work as that allows.
pub(crate) async fn require_room(tx: &mut Tx, row: &clusters::Cluster) -> Result<()> {
    let Some(id) = row.policy() else { return Ok(()) };
    let Some(policy) = store::get(tx, row.workspace_id, id).await? else { return Ok(()) };
    let Some(most) = policy.spec.max_clusters_per_user else { return Ok(()) };
    let others = clusters::of_workspace(tx, row.workspace_id).await?;
    let counts = |one: &&clusters::Cluster| {
        one.id != row.id
            && one.is_active()
            && one.creator_name == row.creator_name
            && one.policy() == Some(id)
    };
    let used = i64::try_from(others.iter().filter(counts).count()).unwrap_or(i64::MAX);
    match used < most {
        true => Ok(()),
        false => Err(ApiError::invalid(format!(
            "{} already has {used} active clusters with the policy {}, which allows {most} per user.",
            row.creator_name, policy.name
        ))),
    }
}
