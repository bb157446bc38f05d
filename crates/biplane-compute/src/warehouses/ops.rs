//! The rules of warehouses: who may do what, and what it does.

use super::slot::Slot;
use super::spec::{Spec, check_name};
use super::store::{self, Desired, Warehouse};
use super::{config, overrides};
use crate::Compute;
use biplane_api::compute::{DataSource, WarehouseInfo, WarehouseList, WarehouseRequest};
use biplane_api::ids::{WarehouseId, WorkspaceId};
use biplane_platform::acl::{self, Entry, WAREHOUSES};
use biplane_platform::{ApiError, Ctx, ErrorCode, Principal, Result, page};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

const PAGE_DEFAULT: usize = 1000;
const PAGE_MAX: usize = 1000;
const WAREHOUSES_PER_WORKSPACE_MAX: usize = 1000;
const EDIT_ATTEMPTS_MAX: usize = 5;

pub(crate) fn missing(id: &WarehouseId) -> ApiError {
    ApiError::not_found(format!("SQL warehouse {id} does not exist."))
}

fn taken(name: &str) -> impl Fn(ApiError) -> ApiError {
    let message = format!("A SQL warehouse with the name {name:?} exists already.");
    move |error| match error.code {
        ErrorCode::ResourceAlreadyExists => ApiError { message: message.clone(), ..error },
        _ => error,
    }
}

impl Compute {
    /// The warehouse, when `ctx` has `level` on it. No database is asked when its permissions are known.
    pub(crate) async fn slot_for(
        &self,
        ctx: &Ctx,
        id: &WarehouseId,
        level: &str,
    ) -> Result<Arc<Slot>> {
        let slot = self.slot(id).filter(|slot| Some(slot.workspace_id) == ctx.workspace);
        let slot = slot.ok_or_else(|| missing(id))?;
        let entries = self.entries(ctx, &slot).await?;
        acl::require_in(ctx, &WAREHOUSES, id.as_str(), &entries, level).map_err(
            |error| match error.code {
                ErrorCode::ResourceDoesNotExist => missing(id),
                _ => error,
            },
        )?;
        Ok(slot)
    }

    async fn entries(&self, ctx: &Ctx, slot: &Slot) -> Result<Arc<[Entry]>> {
        self.heed_permissions();
        let (epoch, known) = slot.acl_known();
        if let Some(entries) = known {
            return Ok(entries);
        }
        let mut tx = self.db.read().await?;
        let workspace = ctx.workspace()?;
        let entries: Arc<[Entry]> =
            acl::entries(&mut tx, workspace, &WAREHOUSES, slot.id.as_str()).await?.into();
        slot.acl_learn(epoch, entries.clone());
        Ok(entries)
    }

    pub async fn warehouse_create(
        self: &Arc<Self>,
        ctx: &Ctx,
        request: &WarehouseRequest,
    ) -> Result<WarehouseId> {
        let workspace_id = ctx.workspace()?;
        if !ctx.principal.workspace_admin {
            return Err(ApiError::denied("Only workspace admins may create SQL warehouses."));
        }
        let name = request.name.as_deref().unwrap_or_default().trim();
        check_name(name)?;
        if self.slots_of(workspace_id).len() >= WAREHOUSES_PER_WORKSPACE_MAX {
            return Err(ApiError::new(
                ErrorCode::ResourceExhausted,
                format!("A workspace has at most {WAREHOUSES_PER_WORKSPACE_MAX} SQL warehouses."),
            ));
        }
        let mut tx = self.db.write().await?;
        let spec = Spec::create(request, &config::read(&mut tx, workspace_id).await?)?;
        let warehouse = Warehouse {
            id: WarehouseId::random(),
            workspace_id,
            name: name.to_owned(),
            spec,
            creator_name: ctx.principal.name.clone(),
            desired: Desired::Running,
            generation: 1,
            version: 1,
            failure: None,
            created_at: ctx.now_ms(),
        };
        let row = store::insert(&mut tx, &warehouse).await.map_err(taken(name))?;
        acl::grant(
            &mut tx,
            workspace_id,
            &WAREHOUSES,
            row.id.as_str(),
            &Entry::of(&ctx.principal, "IS_OWNER"),
        )
        .await?;
        tx.commit().await?;
        let id = row.id.clone();
        self.adopt(row);
        Ok(id)
    }

    /// The warehouse a new workspace has; everybody may use it. It does not start before it is used.
    /// Called again it finds what it made.
    pub async fn default_warehouse_create(
        self: &Arc<Self>,
        workspace_id: WorkspaceId,
        creator: &Principal,
    ) -> Result<WarehouseId> {
        match self.default_warehouse_found(workspace_id, creator).await {
            // Somebody made it at the same time.
            Err(error) if error.code == ErrorCode::ResourceAlreadyExists => {
                self.default_warehouse_found(workspace_id, creator).await
            }
            found => found,
        }
    }

    async fn default_warehouse_found(
        self: &Arc<Self>,
        workspace_id: WorkspaceId,
        creator: &Principal,
    ) -> Result<WarehouseId> {
        let name = "Starter Warehouse";
        let mut tx = self.db.write().await?;
        if let Some(found) = store::named(&mut tx, workspace_id, name).await? {
            return Ok(found.id);
        }
        let request = WarehouseRequest {
            cluster_size: Some("2X-Small".into()),
            auto_stop_mins: Some(10),
            warehouse_type: Some("PRO".into()),
            enable_serverless_compute: Some(true),
            ..WarehouseRequest::default()
        };
        let warehouse = Warehouse {
            id: WarehouseId::random(),
            workspace_id,
            name: name.to_owned(),
            spec: Spec::create(&request, &config::read(&mut tx, workspace_id).await?)?,
            creator_name: creator.name.clone(),
            desired: Desired::Stopped,
            generation: 1,
            version: 1,
            failure: None,
            created_at: self.clock.now_ms(),
        };
        let row = store::insert(&mut tx, &warehouse).await?;
        let everybody = Entry {
            principal_kind: "group".into(),
            principal_name: "users".into(),
            permission_level: "CAN_USE".into(),
        };
        for entry in [Entry::of(creator, "IS_OWNER"), everybody] {
            acl::grant(&mut tx, workspace_id, &WAREHOUSES, row.id.as_str(), &entry).await?;
        }
        tx.commit().await?;
        let id = row.id.clone();
        self.adopt(row);
        Ok(id)
    }

    pub async fn warehouse_get(&self, ctx: &Ctx, id: &WarehouseId) -> Result<WarehouseInfo> {
        Ok(self.slot_for(ctx, id, "CAN_VIEW").await?.view(ctx))
    }

    /// By name, then id; only what `ctx` may see.
    pub async fn warehouse_list(
        &self,
        ctx: &Ctx,
        size: Option<i64>,
        token: Option<&str>,
    ) -> Result<WarehouseList> {
        let limit = page::size(size, PAGE_DEFAULT, PAGE_MAX)?;
        let after: Option<(String, String)> = page::decode(token)?;
        let mut visible: Vec<(String, String, Arc<Slot>)> = Vec::new();
        for slot in self.slots_of(ctx.workspace()?) {
            let position = (slot.row().name.clone(), slot.id.to_string());
            if after.as_ref().is_none_or(|after| position > *after) && self.sees(ctx, &slot).await?
            {
                visible.push((position.0, position.1, slot));
            }
        }
        visible.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let (rows, next_page_token) =
            page::cut(visible, limit, |row| (row.0.clone(), row.1.clone()));
        Ok(WarehouseList {
            warehouses: rows.iter().map(|row| row.2.view(ctx)).collect(),
            next_page_token,
        })
    }

    pub(crate) async fn sees(&self, ctx: &Ctx, slot: &Slot) -> Result<bool> {
        let entries = self.entries(ctx, slot).await?;
        Ok(acl::rank(ctx, &WAREHOUSES, &entries).is_some())
    }

    pub async fn warehouse_edit(
        &self,
        ctx: &Ctx,
        id: &WarehouseId,
        request: &WarehouseRequest,
    ) -> Result<()> {
        let slot = self.slot_for(ctx, id, "CAN_MANAGE").await?;
        for _ in 0..EDIT_ATTEMPTS_MAX {
            let mut tx = self.db.write().await?;
            let row = store::get(&mut tx, id).await?.ok_or_else(|| missing(id))?;
            let name = request.name.as_deref().map_or(row.name.as_str(), str::trim);
            check_name(name)?;
            let config = config::read(&mut tx, row.workspace_id).await?;
            let spec = row.spec.clone().edit(request, &config)?;
            // Another size needs another engine; everything else changes in place.
            let generation = row.generation + i64::from(spec.cluster_size != row.spec.cluster_size);
            let written =
                store::update(&mut tx, id, row.version, name, &spec, generation, ctx.now_ms())
                    .await;
            let written = written.map_err(taken(name))?;
            tx.commit().await?;
            if let Some(row) = written {
                slot.apply(row);
                return Ok(());
            }
        }
        Err(ApiError::new(
            ErrorCode::Aborted,
            "The SQL warehouse is being changed by others. Try again.",
        ))
    }

    pub async fn warehouse_start(self: &Arc<Self>, ctx: &Ctx, id: &WarehouseId) -> Result<()> {
        let slot = self.slot_for(ctx, id, "CAN_USE").await?;
        self.want_running(&slot).await
    }

    pub async fn warehouse_stop(self: &Arc<Self>, ctx: &Ctx, id: &WarehouseId) -> Result<()> {
        let slot = self.slot_for(ctx, id, "CAN_MANAGE").await?;
        let mut tx = self.db.write().await?;
        let row = store::want_stopped(&mut tx, id, None, None, ctx.now_ms()).await?;
        tx.commit().await?;
        match row {
            Some(row) => {
                slot.apply_with(row, |live| live.stops += 1);
            }
            None => self.reload(id).await?,
        }
        Ok(())
    }

    pub async fn warehouse_delete(&self, ctx: &Ctx, id: &WarehouseId) -> Result<()> {
        let slot = self.slot_for(ctx, id, "CAN_MANAGE").await?;
        let mut tx = self.db.write().await?;
        if !store::delete(&mut tx, id, ctx.now_ms()).await? {
            return Err(missing(id));
        }
        acl::clear(&mut tx, slot.workspace_id, &WAREHOUSES, id.as_str()).await?;
        overrides::forget_warehouse(&mut tx, slot.workspace_id, id).await?;
        tx.commit().await?;
        self.release(&slot);
        Ok(())
    }

    /// Refuses unless `ctx` may run statements on it. Gives its own limit of a statement's run time.
    pub async fn warehouse_use(&self, ctx: &Ctx, id: &WarehouseId) -> Result<Option<Duration>> {
        let row = self.slot_for(ctx, id, "CAN_USE").await?.row();
        let seconds = row.spec.statement_timeout.and_then(|seconds| u64::try_from(seconds).ok());
        Ok(seconds.map(Duration::from_secs))
    }

    /// The warehouses on which `ctx` may see what others run.
    pub async fn warehouses_monitored(&self, ctx: &Ctx) -> Result<Vec<WarehouseId>> {
        let mut ids = Vec::new();
        for slot in self.slots_of(ctx.workspace()?) {
            let entries = self.entries(ctx, &slot).await?;
            if acl::rank(ctx, &WAREHOUSES, &entries) >= WAREHOUSES.rank("CAN_MONITOR") {
                ids.push(slot.id.clone());
            }
        }
        Ok(ids)
    }

    /// Whether the workspace has it; for the permissions API.
    pub fn warehouse_exists(&self, workspace_id: WorkspaceId, id: &str) -> bool {
        let Ok(id) = id.parse() else { return false };
        self.slot(&id).is_some_and(|slot| slot.workspace_id == workspace_id)
    }

    pub async fn data_source_list(&self, ctx: &Ctx) -> Result<Vec<DataSource>> {
        let list = self.warehouse_list(ctx, None, None).await?;
        Ok(list.warehouses.iter().map(data_source).collect())
    }

    /// A SQL session begins; counted in `num_active_sessions`.
    pub fn session_opened(&self, id: &WarehouseId) {
        self.count_session(id, 1);
    }

    pub fn session_closed(&self, id: &WarehouseId) {
        self.count_session(id, -1);
    }

    fn count_session(&self, id: &WarehouseId, change: i64) {
        if let Some(slot) = self.slot(id) {
            slot.live.send_if_modified(|live| {
                live.sessions = (live.sessions + change).max(0);
                false
            });
        }
    }
}

fn data_source(warehouse: &WarehouseInfo) -> DataSource {
    // An id of its own that stays the same without being stored.
    let digest = Sha256::digest(format!("data source of {}", warehouse.id));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    DataSource {
        id: uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string(),
        name: warehouse.name.clone(),
        kind: "databricks_internal".into(),
        syntax: "sql".into(),
        paused: 0,
        supports_auto_limit: true,
        view_only: false,
        warehouse_id: warehouse.id.clone(),
    }
}
