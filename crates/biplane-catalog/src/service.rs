//! The service: what every operation goes through to read and to write.

use crate::access::{Asker, Found, Need};
use crate::cache::{self, Cache, Key};
use crate::kind::Kind;
use crate::location::StorageConfig;
use crate::names;
use crate::node::{Chain, Node};
use crate::store;
use crate::system::SystemSource;
use biplane_api::ids::RequestId;
use biplane_platform::{ApiError, Clock, Ctx, Db, ErrorCode, Result, Tx};
use std::sync::{Arc, OnceLock, Weak};

/// The topic under which changes of the catalog are told.
const TOPIC: &str = "catalog";

/// Who there is, as identity knows it.
#[async_trait::async_trait]
pub trait Principals: Send + Sync {
    /// Whether a user, group or service principal (application id) of this name exists.
    async fn exists(&self, name: &str) -> Result<bool>;
    /// The name as it is written, whatever case was asked for; none when nobody has it.
    async fn canonical(&self, name: &str) -> Result<Option<String>> {
        Ok(self.exists(name).await?.then(|| name.to_owned()))
    }
    /// Names of all groups this principal is in, nested and system ones included.
    async fn groups_of(&self, name: &str) -> Result<Vec<String>>;
}

/// Deletes what lies in storage.
#[async_trait::async_trait]
pub trait StorageSweep: Send + Sync {
    /// Deletes everything under a place; nothing there is fine.
    async fn delete_prefix(&self, storage: &biplane_api::internal::Storage) -> Result<()>;
}

pub struct Catalog {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) config: StorageConfig,
    pub(crate) principals: Arc<dyn Principals>,
    pub(crate) system_source: OnceLock<Arc<dyn SystemSource>>,
    cache: Arc<Cache>,
    /// Tells our own changes from other replicas'.
    instance: Arc<str>,
}

impl Catalog {
    pub fn new(
        db: Db,
        clock: Clock,
        config: StorageConfig,
        principals: Arc<dyn Principals>,
    ) -> Arc<Self> {
        let cache = Arc::new(Cache::default());
        let instance: Arc<str> = RequestId::random().as_str().into();
        tokio::spawn(listen(db.subscribe(), Arc::downgrade(&cache), instance.clone()));
        let system_source = OnceLock::new();
        Arc::new(Self { db, clock, config, principals, system_source, cache, instance })
    }

    /// Who has the rows of system tables. Once; without it they cannot be read.
    pub fn set_system_source(&self, source: Arc<dyn SystemSource>) {
        let _ = self.system_source.set(source);
    }

    /// Commits, and tells everybody that the catalog changed. Goes on when the caller goes away: what is
    /// committed must not stay unknown to the cache.
    pub(crate) async fn commit(&self, mut tx: Tx) -> Result<()> {
        tx.notify(TOPIC, &self.instance);
        let cache = self.cache.clone();
        let committed = tokio::spawn(async move {
            let done = tx.commit().await;
            // Also after a failure: whether it was committed may not be known.
            cache.forget_all();
            done
        });
        committed.await.map_err(ApiError::internal)?
    }

    /// The metastore of the workspace, for reading.
    pub(crate) async fn metastore(&self, ctx: &Ctx) -> Result<Arc<Node>> {
        let workspace = ctx.workspace()?;
        let key = Key::Workspace(workspace.0);
        if let Some(node) = self.cache.get_one(&key) {
            return Ok(node);
        }
        let epoch = self.cache.epoch();
        let node = store::metastore_of(&mut self.db.read().await?, workspace).await?;
        let node = Arc::new(node.ok_or_else(no_metastore)?);
        self.cache.put(epoch, key, Arc::from([node.clone()]));
        Ok(node)
    }

    /// What `parts` lead to, for reading.
    pub(crate) async fn find(&self, ctx: &Ctx, kind: Kind, parts: &[String]) -> Result<Found> {
        let mut chain = Chain::new(self.metastore(ctx).await?);
        for (kind, name) in path(kind, parts) {
            match self.child(&chain.leaf().id, kind, name).await? {
                Some(node) => chain.push(node),
                None => return Ok(Found { chain, missing: Some((kind, name.clone())) }),
            }
        }
        Ok(Found { chain, missing: None })
    }

    async fn child(&self, parent_id: &str, kind: Kind, name: &str) -> Result<Option<Arc<Node>>> {
        let key = Key::Child(parent_id.to_owned(), kind, name.to_owned());
        if let Some(node) = self.cache.get_one(&key) {
            return Ok(Some(node));
        }
        let epoch = self.cache.epoch();
        let node = store::by_name(&mut self.db.read().await?, parent_id, kind, name).await?;
        let Some(node) = node.map(Arc::new) else { return Ok(None) };
        self.cache.put(epoch, key, Arc::from([node.clone()]));
        Ok(Some(node))
    }

    /// One batch of a listing, for reading.
    pub(crate) async fn children(&self, page: cache::Page) -> Result<cache::Rows> {
        let key = Key::Children(page.clone());
        if let Some(rows) = self.cache.get(&key) {
            return Ok(rows);
        }
        let epoch = self.cache.epoch();
        let mut tx = self.db.read().await?;
        let rows = store::children_like(
            &mut tx,
            &page.parent_id,
            page.kind,
            &page.name_like,
            &page.after,
            page.limit,
            page.with_columns,
        )
        .await?;
        let rows: cache::Rows = rows.into_iter().map(Arc::new).collect();
        self.cache.put(epoch, key, rows.clone());
        Ok(rows)
    }

    /// By full name as a client wrote it, for reading.
    pub(crate) async fn get(
        &self,
        ctx: &Ctx,
        kind: Kind,
        full_name: &str,
        need: Need<'_>,
    ) -> Result<Chain> {
        let parts = names::parts(kind, full_name)?;
        self.find(ctx, kind, &parts).await?.require(Asker::of(ctx), need)
    }

    /// A transaction that writes.
    pub(crate) async fn write(&self, ctx: &Ctx) -> Result<Write> {
        let workspace = ctx.workspace()?;
        let mut tx = self.db.write().await?;
        let metastore = store::metastore_of(&mut tx, workspace).await?.ok_or_else(no_metastore)?;
        Ok(Write { tx, metastore: Arc::new(metastore) })
    }

    /// The name as grants and owners are to have it. Refuses names that nobody has.
    pub(crate) async fn principal(&self, name: &str) -> Result<String> {
        let known = match name.is_empty() || name.len() > 255 {
            true => None,
            false => self.principals.canonical(name).await?,
        };
        known.ok_or_else(|| {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(255).collect();
            ApiError::new(
                ErrorCode::ResourceDoesNotExist,
                format!("Could not find principal with name {shown}."),
            )
        })
    }
}

/// A write under way.
pub(crate) struct Write {
    pub tx: Tx,
    pub metastore: Arc<Node>,
}

impl Write {
    pub async fn find(&mut self, kind: Kind, parts: &[String]) -> Result<Found> {
        let mut chain = Chain::new(self.metastore.clone());
        for (kind, name) in path(kind, parts) {
            match store::by_name(&mut self.tx, &chain.leaf().id, kind, name).await? {
                Some(node) => chain.push(Arc::new(node)),
                None => return Ok(Found { chain, missing: Some((kind, name.clone())) }),
            }
        }
        Ok(Found { chain, missing: None })
    }

    /// By full name, checked, and locked until the end of the transaction.
    pub async fn get(
        &mut self,
        ctx: &Ctx,
        kind: Kind,
        full_name: &str,
        need: Need<'_>,
    ) -> Result<(Chain, Node)> {
        let parts = names::parts(kind, full_name)?;
        let found = self.find(kind, &parts).await?.require(Asker::of(ctx), need)?;
        store::lock(&mut self.tx, &found.leaf().id).await?;
        // Read again: it may have changed before the lock was had.
        let found = self.find(kind, &parts).await?.require(Asker::of(ctx), need)?;
        let node = Node::clone(found.leaf());
        Ok((found, node))
    }
}

fn path(kind: Kind, parts: &[String]) -> impl Iterator<Item = (Kind, &String)> {
    let kinds = match kind.depth() {
        1 => [kind, kind, kind],
        _ => [Kind::Catalog, Kind::Schema, kind],
    };
    kinds.into_iter().zip(parts)
}

fn no_metastore() -> ApiError {
    ApiError::not_found("No metastore is assigned to the current workspace.")
}

/// Other replicas' changes. Our own were known before they were answered.
async fn listen(
    mut changes: tokio::sync::broadcast::Receiver<biplane_platform::db::Change>,
    cache: Weak<Cache>,
    instance: Arc<str>,
) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        let news = match changes.recv().await {
            Ok(change) => matches!(&*change.topic, TOPIC | "*") && change.key != instance,
            Err(RecvError::Lagged(_)) => true,
            Err(RecvError::Closed) => return,
        };
        match cache.upgrade() {
            Some(cache) if news => cache.forget_all(),
            Some(_) => {}
            None => return,
        }
    }
}
