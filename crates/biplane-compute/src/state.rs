//! What the service knows in memory, and how it stays true: loaded once, then told of every change.

use crate::Compute;
use crate::nodes::store::TOPIC as NODES;
use crate::relay::{Guarded, Refused};
use crate::warehouses::reconcile;
use crate::warehouses::slot::{EngineLink, Member, Slot};
use crate::warehouses::store::{self, TOPIC, Warehouse};
use biplane_api::ids::{NodeId, SandboxId, WarehouseId, WorkspaceId};
use biplane_platform::Result;
use biplane_platform::acl::WAREHOUSES;
use biplane_platform::db::Change;
use biplane_proto::channel::{self, MESSAGE_BYTES_MAX};
use biplane_proto::v1::engine_client::EngineClient;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a connection of a sandbox needs to know of it.
pub(crate) struct PlacedPeer {
    pub workspace_id: WorkspaceId,
    pub closed: CancellationToken,
}

impl Compute {
    /// Warehouses and the sandboxes that a server before this one placed: they are kept when their node
    /// still runs them.
    pub(crate) async fn load(self: &Arc<Self>) -> Result<()> {
        let mut tx = self.db.read().await?;
        let (rows, sandboxes) = (store::all(&mut tx).await?, store::sandboxes(&mut tx).await?);
        drop(tx);
        let slots: Vec<Arc<Slot>> = rows.into_iter().map(|row| self.enter(row)).collect();
        let mut orphans = Vec::new();
        for sandbox in sandboxes {
            match self.slot(&sandbox.warehouse_id) {
                Some(slot) => {
                    self.expect(&slot, &sandbox, self.config.reconnect_wait * 2);
                    slot.update_member(&sandbox.id, |member| member.adopted = true);
                }
                None => orphans.push(sandbox.id),
            }
        }
        if !orphans.is_empty() {
            let mut tx = self.db.write().await?;
            for id in &orphans {
                store::sandbox_delete(&mut tx, id).await?;
            }
            tx.commit().await?;
        }
        for slot in slots {
            tokio::spawn(reconcile::run(self.clone(), slot));
        }
        Ok(())
    }

    fn enter(&self, row: Warehouse) -> Arc<Slot> {
        let slot = Arc::new(Slot::new(row));
        self.slots.write().insert(slot.id.clone(), slot.clone());
        slot
    }

    /// Takes in a warehouse that was made.
    pub(crate) fn adopt(self: &Arc<Self>, row: Warehouse) {
        let (known, row) = {
            let mut slots = self.slots.write();
            // Whoever made it and the news of it come at the same time: one of them enters it.
            match slots.get(&row.id).cloned() {
                Some(slot) => (slot, row),
                None => {
                    let slot = Arc::new(Slot::new(row));
                    slots.insert(slot.id.clone(), slot.clone());
                    tokio::spawn(reconcile::run(self.clone(), slot));
                    return;
                }
            }
        };
        known.apply(row);
    }

    /// Lets go of one that was deleted; its reconciler ends when nothing of it runs.
    pub(crate) fn release(&self, slot: &Slot) {
        self.slots.write().remove(&slot.id);
        slot.live.send_modify(|live| live.deleted = true);
        slot.wake.notify_one();
    }

    pub(crate) fn slot(&self, id: &WarehouseId) -> Option<Arc<Slot>> {
        self.slots.read().get(id).cloned()
    }

    pub(crate) fn slots_of(&self, workspace_id: WorkspaceId) -> Vec<Arc<Slot>> {
        self.slots
            .read()
            .values()
            .filter(|slot| slot.workspace_id == workspace_id)
            .cloned()
            .collect()
    }

    pub(crate) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().values().cloned().collect()
    }

    pub(crate) fn wake_all(&self) {
        for slot in self.slots.read().values() {
            slot.wake.notify_one();
        }
        self.clusters.wake_all();
    }

    /// Reads a warehouse again: what is known may be old.
    pub(crate) async fn reload(self: &Arc<Self>, id: &WarehouseId) -> Result<()> {
        let row = store::get(&mut self.db.read().await?, id).await?;
        match (row, self.slot(id)) {
            (Some(row), _) => self.adopt(row),
            (None, Some(slot)) => self.release(&slot),
            (None, None) => {}
        }
        Ok(())
    }

    /// Follows the changes that other replicas make.
    pub(crate) async fn heed_rows(self: Arc<Self>, mut news: broadcast::Receiver<Change>) {
        loop {
            let change = tokio::select! {
                () = self.stop.cancelled() => return,
                change = news.recv() => change,
            };
            let result = match change {
                Ok(change) if &*change.topic == TOPIC => self.heed_row(&change.key).await,
                Ok(change) if &*change.topic == NODES => {
                    if let Ok(id) = change.key.parse() {
                        self.node_changed(&id).await;
                    }
                    Ok(())
                }
                Ok(change) if &*change.topic == "*" => self.reload_all().await,
                Ok(_) => Ok(()),
                Err(RecvError::Lagged(_)) => self.reload_all().await,
                Err(RecvError::Closed) => return,
            };
            if let Err(error) = result {
                tracing::warn!(%error, cause = ?error.internal, "a change of warehouses could not be followed");
            }
        }
    }

    async fn heed_row(self: &Arc<Self>, key: &str) -> Result<()> {
        let Some((id, version)) = key.split_once('/') else {
            return Ok(());
        };
        let Ok(id) = id.parse::<WarehouseId>() else {
            return Ok(());
        };
        let known = self.slot(&id).map(|slot| slot.row().version);
        match version.parse::<i64>() {
            Ok(version) if known.is_some_and(|known| known >= version) => Ok(()),
            _ => self.reload(&id).await,
        }
    }

    async fn reload_all(self: &Arc<Self>) -> Result<()> {
        self.admissions.write().clear();
        for node in self.nodes.all() {
            self.node_changed(&node.id).await;
        }
        let rows = store::all(&mut self.db.read().await?).await?;
        let mut gone = self.all_slots();
        for row in rows {
            gone.retain(|slot| slot.id != row.id);
            self.adopt(row);
        }
        for slot in gone {
            // It may have been made after the rows were read.
            self.reload(&slot.id).await?;
        }
        Ok(())
    }

    /// Forgets permissions that changed. In step with the commit: who revokes and then asks is refused.
    pub(crate) fn heed_permissions(&self) {
        let mut news = self.permission_news.lock();
        loop {
            match news.try_recv() {
                Ok(change) if &*change.topic == "object_permissions" => {
                    let id = change
                        .key
                        .strip_prefix(WAREHOUSES.name)
                        .and_then(|key| key.strip_prefix('/'));
                    if let Some(slot) = id.and_then(|id| self.slot(&id.parse().ok()?)) {
                        slot.acl_forget();
                    }
                }
                Ok(change) if &*change.topic != "*" => {}
                Ok(_) | Err(TryRecvError::Lagged(_)) => {
                    self.all_slots().iter().for_each(|slot| slot.acl_forget())
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// The warehouse of a sandbox, when it was placed on that node and is not known to have ended.
    pub(crate) fn expected_slot(&self, node_id: &NodeId, id: &SandboxId) -> Option<Arc<Slot>> {
        let slot = self.expected.read().get(id).cloned()?;
        let right = |member: &Member| member.node_id == *node_id;
        let right = slot.live.borrow().member(id).is_some_and(right);
        right.then_some(slot)
    }

    pub(crate) fn placed(&self, node_id: &NodeId, id: &SandboxId) -> Option<PlacedPeer> {
        let slot = self.expected_slot(node_id, id)?;
        let closed = slot.live.borrow().member(id)?.closed.clone();
        Some(PlacedPeer { workspace_id: slot.workspace_id, closed })
    }

    /// The engine of a sandbox is there. Returns when its connection ended.
    pub(crate) async fn engine_connected<S>(
        &self,
        node_id: &NodeId,
        id: &SandboxId,
        stream: S,
    ) -> Result<(), Refused>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let slot = self.expected_slot(node_id, id).ok_or(Refused::UnknownSandbox)?;
        let (closed, fate) = {
            let live = slot.live.borrow();
            let member = live.member(id).ok_or(Refused::UnknownSandbox)?;
            (member.closed.clone(), member.fate.subscribe())
        };
        let (lost, cut) = (CancellationToken::new(), closed.child_token());
        let _cut = cut.clone().drop_guard();
        let client = EngineClient::new(
            channel::over(Guarded::new(stream, cut.clone(), lost.clone())).await?,
        )
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let (sandbox_id, lost_too) = (id.clone(), lost.clone());
        let link = EngineLink { sandbox_id, client, lost: lost_too, cut, serial, fate };
        tracing::info!(warehouse_id = %slot.id, sandbox_id = %id, "engine connected");
        slot.update_member(id, |member| {
            member.served_since.get_or_insert_with(Instant::now);
            member.idle_since = Instant::now();
            member.engine = Some(link);
        });
        slot.live.send_modify(|live| {
            live.trouble = None;
            live.idle_since = Instant::now();
        });
        slot.dispatch();
        tokio::select! {
            () = lost.cancelled() => {}
            () = self.stop.cancelled() => return Ok(()),
        }
        tracing::info!(warehouse_id = %slot.id, sandbox_id = %id, "engine disconnected");
        let patience = self.config.reconnect_wait;
        slot.update_member(id, |member| {
            if member.engine.take_if(|engine| engine.serial == serial).is_some() {
                member.engine_due = Instant::now() + patience;
            }
        });
        Ok(())
    }
}
