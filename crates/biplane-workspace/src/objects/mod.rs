//! Objects of a workspace: directories, notebooks and files, as people share them in a tree.
//!
//! What must hold: what one may do in a directory one may do with all that is in it; what one may not see
//! is not there; everybody has a directory of their own, and `/Shared` is everybody's. Contents are rows,
//! written in the transaction of their object; larger files belong on volumes.

mod contents;
mod http;
mod notebook;
mod ops;
mod path;
mod store;

use biplane_api::ids::WorkspaceId;
use biplane_platform::{Clock, Db, Migration};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use utoipa_axum::router::OpenApiRouter;

/// Tables of the objects.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "workspace_0002", sql: include_str!("../../migrations/0002_objects.sql") }];

pub struct Objects {
    db: Db,
    clock: Clock,
    /// Whose directories are there. They cannot be deleted.
    homes: Mutex<HashSet<(WorkspaceId, String)>>,
}

impl Objects {
    pub fn new(db: Db, clock: Clock) -> Arc<Self> {
        Arc::new(Self { db, clock, homes: Mutex::default() })
    }

    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        http::routes(self)
    }
}
