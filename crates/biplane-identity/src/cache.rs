//! What is known of credentials, principals and workspaces, for the time nothing changes.
//!
//! One counter makes all of it stale at once: identities change rarely, requests come by the thousand.
//! A reader notes the counter before it asks the database, so what it read before a change never counts
//! after it.

use crate::CHANGES_TOPIC;
use crate::authenticate::Token;
use crate::network::Gate;
use crate::principals::Resolved;
use crate::workspaces::Places;
use biplane_api::ids::{PrincipalId, WorkspaceId};
use biplane_platform::Db;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// The second net under the change signals.
const TTL: Duration = Duration::from_secs(30);
const ENTRIES_MAX: u64 = 50_000;

type Entries<K, V> = moka::sync::Cache<K, (u64, Arc<V>)>;

pub struct Cache {
    epoch: AtomicU64,
    pub tokens: Part<[u8; 32], Token>,
    pub principals: Part<(PrincipalId, Option<WorkspaceId>), Resolved>,
    pub places: Part<(), Places>,
    pub gate: Part<(), Gate>,
}

pub struct Part<K, V>(Entries<K, V>);

impl<K: std::hash::Hash + Eq + Send + Sync + 'static, V: Send + Sync + 'static> Part<K, V> {
    fn new() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(TTL).build())
    }

    pub fn get(&self, epoch: u64, key: &K) -> Option<Arc<V>> {
        self.0.get(key).filter(|(of, _)| *of == epoch).map(|(_, value)| value)
    }

    /// `epoch` as it was before the value was read.
    pub fn put(&self, epoch: u64, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        self.0.insert(key, (epoch, value.clone()));
        value
    }
}

impl Cache {
    pub fn listening(db: &Db) -> Arc<Self> {
        let cache = Arc::new(Self {
            epoch: AtomicU64::new(0),
            tokens: Part::new(),
            principals: Part::new(),
            places: Part::new(),
            gate: Part::new(),
        });
        let mut changes = db.subscribe();
        let weak = Arc::downgrade(&cache);
        tokio::spawn(async move {
            loop {
                let concerns_us = match changes.recv().await {
                    Ok(change) => matches!(&*change.topic, CHANGES_TOPIC | "*"),
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return,
                };
                match weak.upgrade() {
                    Some(cache) if concerns_us => cache.forget(),
                    Some(_) => {}
                    None => return,
                }
            }
        });
        cache
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}
