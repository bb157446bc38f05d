//! Secrets of workspaces, in scopes with permissions of their own.
//!
//! What must hold: a value is in the database sealed alone, to its own place there; only who has READ on its
//! scope gets it; it is in no log and no error.

mod http;
mod ops;
mod store;

use biplane_platform::acl::ObjectType;
use biplane_platform::seal::Seal;
use biplane_platform::{Clock, Db, Migration, Result};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// Tables of the secrets.
pub const MIGRATIONS: &[Migration] =
    &[Migration { name: "workspace_0001", sql: include_str!("../../migrations/0001_secrets.sql") }];

/// Has an API of its own, and none among the permissions.
const SCOPES: ObjectType = ObjectType {
    name: "secret-scopes",
    singular: "secret-scope",
    levels: &[
        ("READ", "Can read the secrets of the scope"),
        ("WRITE", "Can read and write the secrets of the scope"),
        ("MANAGE", "Can change who has which permission on the scope"),
    ],
};

/// What secrets need to know of people.
#[async_trait::async_trait]
pub trait People: Send + Sync {
    /// (`user`, `group` or `service_principal`; the name as it is written) of somebody in the workspace's account.
    async fn known(&self, name: &str) -> Result<Option<(String, String)>>;
}

pub struct Secrets {
    db: Db,
    clock: Clock,
    seal: Seal,
    people: Arc<dyn People>,
}

impl Secrets {
    /// `key` seals the values; without it they are lost.
    pub fn new(db: Db, clock: Clock, key: [u8; 32], people: Arc<dyn People>) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { db, clock, seal: Seal::new(&key)?, people }))
    }

    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        http::routes(self)
    }
}
