//! Rows kept in memory for reading, so that names and listings cost no database round trip.
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
/// What an entry takes beside its rows.
const ROW_BYTES: usize = 512;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// The metastore of a workspace.
    Workspace(i64),
    Child(String, Kind, String),
    Children(Page),
}

/// One batch of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Page {
    pub parent_id: String,
    pub kind: Kind,
    pub name_like: String,
    pub after: String,
    pub limit: usize,
    pub with_columns: bool,
}

pub type Rows = Arc<[Arc<Node>]>;

#[derive(Default)]
struct State {
    epoch: u64,
    rows: HashMap<Key, Rows>,
    bytes: usize,
}

#[derive(Default)]
pub struct Cache(RwLock<State>);

impl Cache {
    pub fn epoch(&self) -> u64 {
        self.0.read().epoch
    }

    pub fn get(&self, key: &Key) -> Option<Rows> {
        self.0.read().rows.get(key).cloned()
    }

    pub fn get_one(&self, key: &Key) -> Option<Arc<Node>> {
        self.0.read().rows.get(key)?.first().cloned()
    }

    /// `epoch` was read before the rows were.
    pub fn put(&self, epoch: u64, key: Key, rows: Rows) {
        let bytes = ROW_BYTES + rows.iter().map(|node| node.bytes()).sum::<usize>();
        let mut state = self.0.write();
        if state.epoch != epoch || bytes > BYTES_MAX / 4 {
            return;
        }
        if state.bytes + bytes > BYTES_MAX {
            state.rows.clear();
            state.bytes = 0;
        }
        state.bytes += bytes;
        state.rows.insert(key, rows);
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

    fn rows() -> Rows {
        Arc::from([Arc::new(crate::testing::node(Kind::Catalog, "c", "o", &[]))])
    }

    #[test]
    fn a_row_read_before_a_change_is_not_kept_after_it() {
        let cache = Cache::default();
        let before = cache.epoch();
        cache.forget_all();
        cache.put(before, Key::Workspace(1), rows());
        assert!(cache.get(&Key::Workspace(1)).is_none());
        cache.put(cache.epoch(), Key::Workspace(1), rows());
        assert!(cache.get_one(&Key::Workspace(1)).is_some());
        cache.forget_all();
        assert!(cache.get(&Key::Workspace(1)).is_none());
    }
}
