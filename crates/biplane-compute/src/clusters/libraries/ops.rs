//! The rules of libraries: who may have them installed, and how they are told.

use super::spec::{self, Source};
use super::store::{self, LibraryRow};
use crate::Compute;
use crate::clusters::store::{self as clusters, Cluster, TOPIC};
use crate::supplies::InBucket;
use biplane_api::clusters::ClusterState as State;
use biplane_api::internal::Access;
use biplane_api::libraries::{
    AllClusterLibraries, ClusterLibraries, LibrariesNamed, LibraryFullStatus, LibraryStatus,
};
use biplane_platform::acl::{self, CLUSTERS};
use biplane_platform::{ApiError, Ctx, ErrorCode, Result};
use std::sync::Arc;

const AT_ONCE_MAX: usize = 100;
const OF_CLUSTER_MAX: usize = 200;

impl Compute {
    /// Has them installed; when the cluster does not run, with its next start.
    pub async fn library_install(
        self: &Arc<Self>,
        ctx: &Ctx,
        asked: &LibrariesNamed,
    ) -> Result<()> {
        let row = self.cluster_for(ctx, &asked.cluster_id, "CAN_MANAGE").await?;
        let keys = keys(asked)?;
        for library in &asked.libraries {
            if let Source::File { path, .. } = spec::source(library)? {
                self.file_check(ctx, &row.creator_name, &path).await?;
            }
        }
        let mut tx = self.db.write().await?;
        for key in &keys {
            store::want(&mut tx, &row.id, key).await?;
        }
        if store::of_cluster(&mut tx, &row.id).await?.len() > OF_CLUSTER_MAX {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                format!("A cluster has at most {OF_CLUSTER_MAX} libraries."),
            ));
        }
        tx.notify(TOPIC, row.id.as_str());
        tx.commit().await
    }

    /// Who has a file used must be able to read it, and so must the one that the cluster reads it as.
    pub(in crate::clusters) async fn object_known(
        &self,
        ctx: &Ctx,
        owner: &str,
        url: &str,
        how: &InBucket,
    ) -> Result<()> {
        let supplies = self.supplies()?;
        let owner = match ctx.principal.is(owner) {
            true => None,
            false => Some(supplies.ctx_of(owner, ctx.workspace()?).await?),
        };
        for reader in [Some(ctx), owner.as_ref()].into_iter().flatten() {
            let found = supplies.object_read(reader, url, how, Access::Read, 1).await?;
            if found.is_none() {
                return Err(ApiError::not_found(format!("{url:.1024} does not exist.")));
            }
        }
        Ok(())
    }

    pub(in crate::clusters) async fn file_check(
        &self,
        ctx: &Ctx,
        owner: &str,
        path: &str,
    ) -> Result<()> {
        let supplies = self.supplies()?;
        drop(supplies.file_open(ctx, path).await?);
        if ctx.principal.is(owner) {
            return Ok(());
        }
        let owner = supplies.ctx_of(owner, ctx.workspace()?).await?;
        drop(supplies.file_open(&owner, path).await?);
        Ok(())
    }

    /// They go with the next start. What is not installed is no error.
    pub async fn library_uninstall(
        self: &Arc<Self>,
        ctx: &Ctx,
        asked: &LibrariesNamed,
    ) -> Result<()> {
        let row = self.cluster_for(ctx, &asked.cluster_id, "CAN_MANAGE").await?;
        let keys = keys(asked)?;
        let mut tx = self.db.write().await?;
        for key in &keys {
            match row.is(&[State::Terminated, State::Terminating]) {
                true => store::delete(&mut tx, &row.id, key).await?,
                false => store::leave(&mut tx, &row.id, key, row.generation).await?,
            }
        }
        tx.notify(TOPIC, row.id.as_str());
        tx.commit().await
    }

    pub async fn library_status_get(
        &self,
        ctx: &Ctx,
        cluster_id: &str,
    ) -> Result<ClusterLibraries> {
        let row = self.cluster_for(ctx, cluster_id, "CAN_ATTACH_TO").await?;
        let found = store::of_cluster(&mut self.db.read().await?, &row.id).await?;
        Ok(view(&row, found))
    }

    /// Of all clusters that the caller may attach to and that have any.
    pub async fn library_status_list(&self, ctx: &Ctx) -> Result<AllClusterLibraries> {
        let workspace = ctx.workspace()?;
        let mut tx = self.db.read().await?;
        let mut statuses = Vec::new();
        for row in clusters::of_workspace(&mut tx, workspace).await? {
            let found = store::of_cluster(&mut tx, &row.id).await?;
            if found.is_empty() {
                continue;
            }
            let entries = acl::entries(&mut tx, workspace, &CLUSTERS, row.id.as_str()).await?;
            if acl::rank(ctx, &CLUSTERS, &entries).is_some() {
                statuses.push(view(&row, found));
            }
        }
        Ok(AllClusterLibraries { statuses })
    }
}

fn keys(asked: &LibrariesNamed) -> Result<Vec<String>> {
    if asked.libraries.is_empty() || asked.libraries.len() > AT_ONCE_MAX {
        return Err(ApiError::invalid(format!("libraries has 1 to {AT_ONCE_MAX} elements.")));
    }
    let key = |library| {
        spec::source(library)?;
        store::key(library)
    };
    asked.libraries.iter().map(key).collect()
}

fn view(row: &Cluster, found: Vec<LibraryRow>) -> ClusterLibraries {
    let one = |found: LibraryRow| LibraryFullStatus {
        status: match (found.is_leaving(), row.state) {
            (true, _) => LibraryStatus::UninstallOnRestart,
            (false, State::Terminated | State::Terminating) => LibraryStatus::Pending,
            (false, _) => found.status(row.generation),
        },
        messages: found.messages(row.generation),
        library: found.library,
        is_library_for_all_clusters: false,
    };
    let found = found.into_iter().filter(|found| !found.is_gone(row.generation));
    ClusterLibraries { cluster_id: row.id.clone(), library_statuses: found.map(one).collect() }
}
