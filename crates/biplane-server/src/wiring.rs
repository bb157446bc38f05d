//! Which service serves another's needs: small traits owned by who needs, implemented here.

use crate::app::Services;
use crate::config::ServerConfig;
use anyhow::Context;
use biplane_api::catalog::{FunctionInfo, TableInfo};
use biplane_api::ids::{PrincipalId, WarehouseId, WorkspaceId};
use biplane_api::internal::{Access, Storage};
use biplane_catalog::{Catalog, Principals, StorageConfig, StorageSweep, TableQuery};
use biplane_compute::{
    AcquireRequest, Compute, Encryption, EngineLease, FileBytes, InBucket, Supplies, Tenancies,
    Tenancy,
};
use biplane_identity::{
    Containers, Identity, PrincipalDeleting, WorkspaceCreated, WorkspaceDeleting,
};
use biplane_platform::db::Change;
use biplane_platform::{ApiError, Clock, Ctx, Db, Result, keys};
use biplane_query::thrift::{Names, Wanted};
use biplane_query::{
    Engines, Home, Homes, Lease, LeaseGuard, Query, QueryConfig, StagedFiles, StagingVerb,
    WarehouseRules, Wish,
};
use biplane_workspace::objects::Objects;
use biplane_workspace::secrets::{People, Secrets};
use biplane_workspace::{FileVerb, Volumes, Workspace};
use futures::StreamExt;
use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::TryRecvError};
use url::Url;

/// An error of a step of the start, with what the operator needs to know.
pub fn told(error: ApiError) -> anyhow::Error {
    match error.internal {
        Some(internal) => anyhow::anyhow!("{} ({internal})", error.message),
        None => anyhow::anyhow!(error.message),
    }
}

pub fn identity_config(config: &ServerConfig) -> biplane_identity::Config {
    let network = biplane_identity::NetworkConfig {
        egress_addresses: config.egress_addresses.clone(),
        private_endpoints: config.private_endpoints.clone(),
        endpoint_services: config.endpoint_services.clone(),
    };
    biplane_identity::Config { domain: config.domain.clone(), network }
}

/// The catalog asks identity who there is.
struct IdentityPrincipals(Arc<Identity>);

#[async_trait::async_trait]
impl Principals for IdentityPrincipals {
    async fn exists(&self, name: &str) -> Result<bool> {
        self.0.principal_exists(name).await
    }

    async fn canonical(&self, name: &str) -> Result<Option<String>> {
        Ok(self.0.principal_by_name(name).await?.map(|known| known.name))
    }

    async fn groups_of(&self, name: &str) -> Result<Vec<String>> {
        let Some(known) = self.0.principal_by_name(name).await? else {
            return Ok(Vec::new());
        };
        let resolved = self.0.principal_resolve(known.id, None).await?;
        Ok(resolved.map(|principal| principal.groups.clone()).unwrap_or_default())
    }
}

/// Files ask the catalog for the place of a volume, and identity who follows a link.
pub struct CatalogVolumes(pub Arc<Catalog>, pub Arc<Identity>);

#[async_trait::async_trait]
impl Volumes for CatalogVolumes {
    async fn resolve(&self, ctx: &Ctx, path: &str, access: Access) -> Result<Storage> {
        self.0.volume_resolve(ctx, path, access).await
    }

    async fn ctx_of(&self, principal: PrincipalId, workspace: WorkspaceId) -> Result<Ctx> {
        let found = self.1.principal_resolve(principal, Some(workspace)).await?;
        let gone = || ApiError::denied("Whoever this link was made for may not be here any more.");
        Ok(Ctx { principal: found.ok_or_else(gone)?, ..self.1.admin_ctx(workspace).await? })
    }
}

/// Secrets are shared with people that identity knows.
struct IdentityPeople(Arc<Identity>);

#[async_trait::async_trait]
impl People for IdentityPeople {
    async fn known(&self, name: &str) -> Result<Option<(String, String)>> {
        let known = self.0.principal_by_name(name).await?;
        Ok(known.map(|known| (known.kind.to_owned(), known.name)))
    }
}

pub async fn secrets(db: &Db, clock: &Clock, identity: &Arc<Identity>) -> Result<Arc<Secrets>> {
    let key = keys::signing_key(db, clock, "secrets").await?;
    Secrets::new(db.clone(), clock.clone(), key, Arc::new(IdentityPeople(identity.clone())))
}

/// Permissions ask what an object of a workspace is in.
pub struct ObjectContainers(pub Arc<Objects>);

#[async_trait::async_trait]
impl Containers for ObjectContainers {
    async fn above(&self, workspace: WorkspaceId, id: &str) -> Result<Vec<i64>> {
        Ok(self.0.directories_above(workspace, id).await?.unwrap_or_default())
    }
}

/// Hosts of clusters are prepared with files, read as the people that identity knows.
pub struct ClusterSupplies {
    pub identity: Arc<Identity>,
    pub workspace: Arc<Workspace>,
    pub objects: Arc<Objects>,
    pub secrets: Arc<Secrets>,
    pub catalog: Arc<Catalog>,
}

impl ClusterSupplies {
    /// Where a file in a bucket is, and how it is written there.
    async fn object(
        &self,
        ctx: &Ctx,
        url: &str,
        how: &InBucket,
        access: Access,
    ) -> Result<Storage> {
        let mut storage = self.catalog.location_resolve(ctx, url, access).await?;
        for (name, key, said) in
            [("region", "aws_region", &how.region), ("endpoint", "aws_endpoint", &how.endpoint)]
        {
            let Some(said) = said else { continue };
            let known = storage.options.get(key).map(|known| known.trim_end_matches('/'));
            if known.is_some_and(|known| known != said.trim_end_matches('/')) {
                return Err(ApiError::invalid(format!(
                    "The {name} of s3 is another one than that of the external location."
                )));
            }
        }
        let (kind, key) = match &how.encryption {
            None => return Ok(storage),
            Some(Encryption::S3) => ("AES256", &None),
            Some(Encryption::Kms(key)) => ("aws:kms", key),
        };
        storage.options.insert("aws_server_side_encryption".into(), kind.into());
        if let Some(key) = key {
            storage.options.insert("aws_sse_kms_key_id".into(), key.clone());
        }
        Ok(storage)
    }
}

#[async_trait::async_trait]
impl Supplies for ClusterSupplies {
    async fn ctx_of(&self, name: &str, workspace: WorkspaceId) -> Result<Ctx> {
        let gone = || ApiError::denied(format!("{name:.255} is not in the workspace any more."));
        let known = self.identity.principal_by_name(name).await?.ok_or_else(gone)?;
        let found = self.identity.principal_resolve(known.id, Some(workspace)).await?;
        let ctx = self.identity.admin_ctx(workspace).await?;
        Ok(Ctx { principal: found.ok_or_else(gone)?, ..ctx })
    }

    async fn file_open(&self, ctx: &Ctx, path: &str) -> Result<FileBytes> {
        if path.starts_with("/Volumes/") {
            return self.workspace.file_open(ctx, path).await;
        }
        let bytes = self.objects.object_read(ctx, path).await?;
        Ok(futures::stream::iter([Ok(bytes.into())]).boxed())
    }

    async fn file_write(&self, ctx: &Ctx, path: &str, bytes: axum::body::Bytes) -> Result<()> {
        self.workspace.file_write(ctx, path, bytes).await
    }

    async fn place_check(&self, ctx: &Ctx, path: &str) -> Result<()> {
        self.workspace.place_check(ctx, path).await
    }

    async fn object_read(
        &self,
        ctx: &Ctx,
        url: &str,
        how: &InBucket,
        access: Access,
        bytes_max: usize,
    ) -> Result<Option<axum::body::Bytes>> {
        let storage = self.object(ctx, url, how, access).await?;
        biplane_workspace::object_read(&storage, bytes_max).await
    }

    async fn object_write(
        &self,
        ctx: &Ctx,
        url: &str,
        how: &InBucket,
        bytes: axum::body::Bytes,
    ) -> Result<()> {
        let storage = self.object(ctx, url, how, Access::Write).await?;
        biplane_workspace::object_write(&storage, bytes).await
    }

    async fn object_check(&self, ctx: &Ctx, url: &str, how: &InBucket) -> Result<()> {
        self.object(ctx, url, how, Access::Write).await.map(drop)
    }

    async fn secret(&self, ctx: &Ctx, scope: &str, key: &str) -> Result<Vec<u8>> {
        self.secrets.secret_read(ctx, scope, key).await
    }
}

/// PUT, GET and REMOVE of the SQL clients ask the files service for links.
struct LinkedFiles(Arc<Workspace>);

#[async_trait::async_trait]
impl StagedFiles for LinkedFiles {
    async fn link(&self, ctx: &Ctx, path: &str, verb: StagingVerb) -> Result<String> {
        let verb = match verb {
            StagingVerb::Put { overwrite } => FileVerb::Put { overwrite },
            StagingVerb::Get => FileVerb::Get,
            StagingVerb::Remove => FileVerb::Remove,
        };
        self.0.file_link_create(ctx, path, verb).await
    }
}

/// The catalog's sweeper deletes through the object store.
pub struct Sweep;

#[async_trait::async_trait]
impl StorageSweep for Sweep {
    async fn delete_prefix(&self, storage: &Storage) -> Result<()> {
        biplane_workspace::delete_prefix(storage).await
    }
}

pub fn catalog(
    config: &ServerConfig,
    db: &Db,
    clock: &Clock,
    identity: &Arc<Identity>,
) -> anyhow::Result<Arc<Catalog>> {
    let default_root = match &config.storage_root {
        Some(root) => root.trim_end_matches('/').to_owned(),
        None => {
            let dir = config.data_dir.join("storage");
            std::fs::create_dir_all(&dir)?;
            directory_url(&dir)?
        }
    };
    let storage = StorageConfig {
        default_root,
        local_roots: config
            .local_roots
            .iter()
            .map(|dir| directory_url(dir))
            .collect::<anyhow::Result<_>>()?,
        protected: vec![directory_url(&config.data_dir)?],
        s3: config.s3.as_ref().map(|s3| biplane_catalog::S3Config {
            allow_http: s3
                .endpoint
                .as_ref()
                .is_some_and(|endpoint| endpoint.starts_with("http://")),
            // Stores other than AWS rarely have a host name for every bucket.
            path_style: s3.endpoint.is_some(),
            endpoint: s3.endpoint.clone(),
            region: Some(s3.region.clone()),
            access_key_id: s3.access_key_id.expose().to_owned(),
            secret_access_key: s3.secret_access_key.clone(),
            session_token: s3.session_token.clone(),
        }),
        drop_grace_ms: None,
    };
    Ok(Catalog::new(
        db.clone(),
        clock.clone(),
        storage,
        Arc::new(IdentityPrincipals(identity.clone())),
    ))
}

fn directory_url(dir: &Path) -> anyhow::Result<String> {
    let dir = dir.canonicalize().with_context(|| format!("{} is not there", dir.display()))?;
    let url = Url::from_directory_path(&dir)
        .map_err(|()| anyhow::anyhow!("{} is not absolute", dir.display()))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

struct HeldEngine(EngineLease);

#[async_trait::async_trait]
impl LeaseGuard for HeldEngine {
    async fn ran_out_of_memory(&self) -> Option<u64> {
        self.0.ran_out_of_memory().await
    }

    fn pin(&self) -> Box<dyn Any + Send + Sync> {
        self.0.pin()
    }
}

/// Placement asks identity where a workspace belongs.
pub struct IdentityTenancies(pub Arc<Identity>);

#[async_trait::async_trait]
impl Tenancies for IdentityTenancies {
    async fn tenancy(&self, workspace: WorkspaceId) -> Result<Tenancy> {
        let found = self.0.workspace_get(workspace).await?;
        Ok(found.map_or_else(Tenancy::default, |mut workspace| Tenancy {
            dedicated: workspace.custom_tags.remove(biplane_compute::DEDICATED),
            region: workspace.region,
        }))
    }
}

/// Statements ask compute for engines.
struct ComputeEngines(Arc<Compute>);

#[async_trait::async_trait]
impl Engines for ComputeEngines {
    async fn authorize(&self, ctx: &Ctx, warehouse: &WarehouseId) -> Result<WarehouseRules> {
        let statement_timeout = self.0.warehouse_use(ctx, warehouse).await?;
        Ok(WarehouseRules { statement_timeout })
    }

    async fn acquire(&self, ctx: &Ctx, warehouse: &WarehouseId, wish: Wish) -> Result<Lease> {
        let Wish { engine, bound, start_by, queue_by } = wish;
        let request = AcquireRequest { engine, bound, start_by, queue_by };
        let lease = self.0.acquire(ctx, warehouse, request).await?;
        Ok(Lease {
            client: lease.engine(),
            sandbox_id: lease.sandbox_id().clone(),
            lost: lease.lost().clone(),
            queued: lease.queued,
            guard: Box::new(HeldEngine(lease)),
        })
    }

    fn queue_check(&self, warehouse: &WarehouseId) -> Result<()> {
        self.0.queue_check(warehouse)
    }

    async fn monitored(&self, ctx: &Ctx) -> Result<Vec<WarehouseId>> {
        self.0.warehouses_monitored(ctx).await
    }

    fn session_opened(&self, warehouse: &WarehouseId) {
        self.0.session_opened(warehouse);
    }

    fn session_closed(&self, warehouse: &WarehouseId) {
        self.0.session_closed(warehouse);
    }
}

/// Sessions and statements ask the catalog where they start. Asked for every statement, so it is
/// remembered until the catalog changes.
struct CatalogHomes {
    catalog: Arc<Catalog>,
    known: Mutex<(broadcast::Receiver<Change>, HashMap<WorkspaceId, Home>)>,
}

impl CatalogHomes {
    fn known(&self, workspace: WorkspaceId) -> Option<Home> {
        let mut known = self.known.lock();
        let (changes, homes) = &mut *known;
        loop {
            match changes.try_recv() {
                Ok(change) if matches!(&*change.topic, "catalog" | "*") => homes.clear(),
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => homes.clear(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => {
                    return homes.get(&workspace).cloned();
                }
            }
        }
    }
}

#[async_trait::async_trait]
impl Homes for CatalogHomes {
    async fn home(&self, workspace: WorkspaceId) -> Result<Home> {
        if let Some(home) = self.known(workspace) {
            return Ok(home);
        }
        let (metastore_id, default_catalog) = self.catalog.home(workspace).await?;
        let home = Home { metastore_id, default_catalog };
        self.known.lock().1.insert(workspace, home.clone());
        Ok(home)
    }
}

pub async fn query(
    config: &ServerConfig,
    db: &Db,
    clock: &Clock,
    compute: &Arc<Compute>,
    catalog: &Arc<Catalog>,
    workspace: &Arc<Workspace>,
) -> anyhow::Result<Arc<Query>> {
    let engines = Arc::new(ComputeEngines(compute.clone()));
    let homes = Arc::new(CatalogHomes {
        catalog: catalog.clone(),
        known: Mutex::new((db.subscribe(), HashMap::new())),
    });
    let results = QueryConfig::new(config.data_dir.join("results"));
    let files = Arc::new(LinkedFiles(workspace.clone()));
    Query::new(db.clone(), clock.clone(), results, engines, homes, files).await.map_err(told)
}

/// The first metastore, with its first catalogs.
pub async fn bootstrap_catalog(services: &Services, system: &Ctx, region: &str) -> Result<()> {
    let first = biplane_catalog::Bootstrap {
        metastore_name: "metastore".into(),
        region: region.into(),
        storage_root: None,
        owner: system.principal.name.clone(),
        users: "account users".into(),
        admins: None,
        workspace: system.workspace()?,
    };
    services.catalog.bootstrap(first).await?;
    services.catalog.system_tables_renew().await
}

/// A new workspace gets the metastore of its region, and a warehouse to begin with.
pub struct FurnishWorkspace {
    pub db: Db,
    pub catalog: Arc<Catalog>,
    pub compute: Arc<Compute>,
}

#[async_trait::async_trait]
impl WorkspaceCreated for FurnishWorkspace {
    async fn workspace_created(
        &self,
        ctx: &Ctx,
        workspace: &biplane_identity::Workspace,
    ) -> Result<()> {
        self.catalog.metastore_assign_default(workspace.id, &workspace.region).await?;
        starter_warehouse(&self.db, &self.compute, ctx).await.map(|_| ())
    }
}

/// Made once in the life of a workspace: whoever deletes it does not find it again.
pub async fn starter_warehouse(db: &Db, compute: &Arc<Compute>, ctx: &Ctx) -> Result<String> {
    let workspace = ctx.workspace()?;
    let key = format!("starter_warehouse_id/{workspace}");
    if let Some(id) = keys::find(db, &key).await? {
        return Ok(id);
    }
    let made = compute.default_warehouse_create(workspace, &ctx.principal).await?;
    keys::stored(db, &ctx.clock, &key, || made.to_string()).await
}

/// A workspace that goes: what runs in it ends before the catalog forgets it.
pub struct ForgetWorkspace {
    pub query: Arc<Query>,
    pub compute: Arc<Compute>,
    pub catalog: Arc<Catalog>,
    pub objects: Arc<Objects>,
    pub secrets: Arc<Secrets>,
}

#[async_trait::async_trait]
impl WorkspaceDeleting for ForgetWorkspace {
    async fn workspace_deleting(&self, id: WorkspaceId) -> Result<()> {
        self.query.workspace_forget(id).await?;
        self.compute.workspace_forget(id).await?;
        self.objects.workspace_forget(id).await?;
        self.secrets.workspace_forget(id).await?;
        self.catalog.workspace_forget(id).await
    }
}

/// A principal that goes takes its grants with it, before another can have the name.
pub struct ForgetGrants(pub Arc<Catalog>);

#[async_trait::async_trait]
impl PrincipalDeleting for ForgetGrants {
    async fn principal_deleting(&self, ctx: &Ctx, _id: PrincipalId, name: &str) -> Result<()> {
        self.0.principal_forget(ctx, name).await
    }
}

/// Thrift's metadata calls ask the catalog.
pub struct CatalogNames(pub Arc<Catalog>);

#[async_trait::async_trait]
impl Names for CatalogNames {
    async fn catalogs(&self, ctx: &Ctx) -> Result<Vec<String>> {
        Ok(self.0.catalogs_list(ctx).await?.into_iter().map(|catalog| catalog.name).collect())
    }

    async fn schemas(&self, ctx: &Ctx, wanted: Wanted<'_>) -> Result<Vec<String>> {
        let found = self.0.schemas_list(ctx, Some(wanted.catalog), wanted.schema_like).await?;
        Ok(found.into_iter().map(|schema| schema.name).collect())
    }

    async fn tables(&self, ctx: &Ctx, wanted: Wanted<'_>, columns: bool) -> Result<Vec<TableInfo>> {
        let query = TableQuery {
            catalog: Some(wanted.catalog),
            schema_like: wanted.schema_like,
            table_like: wanted.name_like,
            with_columns: columns,
            ..TableQuery::default()
        };
        self.0.tables_list(ctx, &query).await
    }

    async fn functions(&self, ctx: &Ctx, wanted: Wanted<'_>) -> Result<Vec<FunctionInfo>> {
        self.0.functions_list(ctx, wanted.catalog, wanted.schema_like, wanted.name_like).await
    }

    async fn check(&self, ctx: &Ctx, catalog: &str, schema: Option<&str>) -> Result<()> {
        self.0.namespace_check(ctx, catalog, schema).await
    }
}
