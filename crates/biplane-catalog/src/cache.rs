//! Rows kept in memory for reading, so that a statement's names cost no database round trip.
//!
//! Every change of the catalog begins a new epoch in which nothing is known. A row read from the database
//! is kept only if the epoch is still the one that was current before the read began: what is found here
//! is therefore never older than the last change this process knows of. A change made here is known before
//! it is answered; one made by another replica, as soon as the database's notification arrives.

use crate::kind::Kind;
use crate::node::Node;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;

/// Beyond this everything is forgotten and starts anew.
const BYTES_MAX: usize = 32 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The metastore of a workspace.
    Workspace(i64),
    Child(String, Kind, String),
}

#[derive(Default)]
struct State {
    epoch: u64,
    rows: HashMap<Key, Arc<Node>>,
    bytes: usize,
}

#[derive(Default)]
pub struct Cache(RwLock<State>);

impl Cache {
    pub fn epoch(&self) -> u64 {
        self.0.read().epoch
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Node>> {
        self.0.read().rows.get(key).cloned()
    }

    /// `epoch` was read before the row was.
    pub fn put(&self, epoch: u64, key: Key, node: Arc<Node>) {
        let mut state = self.0.write();
        if state.epoch != epoch {
            return;
        }
        let bytes = node.bytes();
        if state.bytes + bytes > BYTES_MAX {
            state.rows.clear();
            state.bytes = 0;
        }
        state.bytes += bytes;
        state.rows.insert(key, node);
    }

    pub fn forget_all(&self) {
        let mut state = self.0.write();
        state.epoch += 1;
        state.rows.clear();
        state.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Arc<Node> {
        Arc::new(crate::testing::node(Kind::Catalog, "c", "o", &[]))
    }

    #[test]
    fn a_row_read_before_a_change_is_not_kept_after_it() {
        let cache = Cache::default();
        let before = cache.epoch();
        cache.forget_all();
        cache.put(before, Key::Workspace(1), node());
        assert!(cache.get(&Key::Workspace(1)).is_none());
        cache.put(cache.epoch(), Key::Workspace(1), node());
        assert!(cache.get(&Key::Workspace(1)).is_some());
        cache.forget_all();
        assert!(cache.get(&Key::Workspace(1)).is_none());
    }
}
