//! First start: a metastore for the first workspace, and in it the catalogs `system`, `main` and `samples`.

use crate::Catalog;
use crate::catalogs::ops::{self as catalogs, SYSTEM_USER};
use crate::credentials::ops::server_storage;
use crate::kind::Kind;
use crate::metastores::{account, store as assignments};
use crate::node::Node;
use crate::privilege::Privilege;
use crate::store;
use crate::system::tables;
use biplane_api::catalog::CreateMetastore;
use biplane_api::ids::{MetastoreId, WorkspaceId};
use biplane_platform::db::args;
use biplane_platform::{ApiError, Result, Tx};

/// Everybody of the account.
pub(crate) const ACCOUNT_USERS: &str = "account users";
pub const MAIN: &str = "main";
const SAMPLES: &str = "samples";

/// How the first metastore is to be.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    pub metastore_name: String,
    pub region: String,
    /// URL; none: in the configured default root.
    pub storage_root: Option<String>,
    /// Metastore admin: a user or a group.
    pub owner: String,
    /// Of this group are the catalog `main`'s users. `account users`, or a group of the workspace.
    pub users: String,
    /// May create catalogs beside the owner; the first workspace's admins.
    pub admins: Option<String>,
    pub workspace: WorkspaceId,
}

impl Catalog {
    /// Does nothing when the workspace has a metastore already.
    pub async fn bootstrap(&self, first: Bootstrap) -> Result<MetastoreId> {
        let mut tx = self.db.write().await?;
        if let Some((id, _)) = assignments::assignment(&mut tx, first.workspace).await? {
            let metastore_id = id.parse().map_err(ApiError::internal)?;
            // The operator may have configured S3 since.
            if self.config.s3.is_some()
                && let Some(metastore) = store::by_id(&mut tx, &id).await?
            {
                server_storage(&mut tx, &metastore, self.clock.now_ms()).await?;
                self.commit(tx).await?;
            }
            return Ok(metastore_id);
        }
        let now = self.clock.now_ms();
        let request = CreateMetastore {
            name: first.metastore_name,
            region: Some(first.region),
            storage_root: first.storage_root,
            external_access_enabled: None,
        };
        let metastore = account::insert(self, &mut tx, &request, &first.owner, now).await?;
        if let Some(admins) = &first.admins {
            for privilege in [
                Privilege::CreateCatalog,
                Privilege::CreateExternalLocation,
                Privilege::CreateStorageCredential,
            ] {
                store::grant_add(&mut tx, &metastore.id, admins, privilege).await?;
            }
        }
        let (main, default) =
            catalogs::insert(&mut tx, &metastore, MAIN, &first.owner, now).await?;
        store::grant_add(&mut tx, &main.id, &first.users, Privilege::UseCatalog).await?;
        for privilege in [
            Privilege::UseSchema,
            Privilege::CreateTable,
            Privilege::CreateVolume,
            Privilege::CreateFunction,
            Privilege::CreateModel,
        ] {
            store::grant_add(&mut tx, &default.id, &first.users, privilege).await?;
        }
        // Its tables are made by an engine later; everybody may read them.
        let (samples, _) =
            catalogs::insert(&mut tx, &metastore, SAMPLES, &first.owner, now).await?;
        for privilege in [Privilege::UseCatalog, Privilege::UseSchema, Privilege::Select] {
            store::grant_add(&mut tx, &samples.id, ACCOUNT_USERS, privilege).await?;
        }
        assignments::assign(&mut tx, first.workspace, &metastore.id, Some(MAIN)).await?;
        self.commit(tx).await?;
        metastore.id.parse().map_err(ApiError::internal)
    }

    /// Gives a new workspace the metastore of its region, or the account's oldest, if there is one and it has
    /// none yet.
    pub async fn metastore_assign_default(
        &self,
        workspace: WorkspaceId,
        region: &str,
    ) -> Result<()> {
        let mut tx = self.db.write().await?;
        if assignments::assignment(&mut tx, workspace).await?.is_some() {
            return Ok(());
        }
        let Some(metastore_id) = assignments::default_of(&mut tx, region).await? else {
            return Ok(());
        };
        let main = store::by_name(&mut tx, &metastore_id, Kind::Catalog, MAIN).await?;
        assignments::assign(&mut tx, workspace, &metastore_id, main.map(|_| MAIN)).await?;
        self.commit(tx).await
    }

    /// The workspace is gone: it has no metastore any more, and nothing is bound to it. Data stays, it is
    /// the metastore's. May be repeated.
    pub async fn workspace_forget(&self, workspace: WorkspaceId) -> Result<()> {
        let mut tx = self.db.write().await?;
        for sql in [
            "DELETE FROM workspace_bindings WHERE workspace_id = $1",
            "DELETE FROM metastore_assignments WHERE workspace_id = $1",
        ] {
            tx.execute(sql, args![workspace.0]).await?;
        }
        self.commit(tx).await
    }

    /// Where statements of a workspace start: its metastore (empty: none) and default catalog.
    pub async fn home(&self, workspace: WorkspaceId) -> Result<(String, String)> {
        let found = assignments::assignment(&mut self.db.read().await?, workspace).await?;
        let (metastore_id, default) = found.unwrap_or_default();
        Ok((metastore_id, default.unwrap_or_else(|| MAIN.to_owned())))
    }
}

/// `system`: its information_schema is for all, its other schemas for the metastore's owner first.
pub(crate) async fn system_catalog(tx: &mut Tx, metastore: &Node, now: i64) -> Result<()> {
    let details =
        catalogs::Details { catalog_type: "SYSTEM_CATALOG".to_owned(), ..Default::default() };
    let mut catalog = catalogs::row(metastore, Kind::Catalog, "system", SYSTEM_USER, now);
    catalog.details = crate::edit::json(&details)?;
    catalog.system = true;
    store::insert(tx, &catalog, "system").await?;
    store::grant_add(tx, &catalog.id, ACCOUNT_USERS, Privilege::UseCatalog).await?;
    catalogs::insert_information_schema(tx, &catalog, now).await?;
    tables::renew(tx, metastore, &catalog, now).await?;
    Ok(())
}
