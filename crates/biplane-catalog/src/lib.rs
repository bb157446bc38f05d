//! The catalog: metastores, catalogs, schemas, tables, volumes, functions, places and credentials, and who
//! may do what with them.
//!
//! - Every securable is a row of one tree; every decision goes through `rights`, which is pure.
//! - Names are folded to lower case when they come in; full names have one spelling.
//! - What you may not go through you are told; what lies behind it you are not.
//! - Statements reach data through `resolve` only, which hands out places, never keys of the catalog.

mod access;
mod bindings;
mod bootstrap;
mod cache;
mod catalogs;
mod credentials;
mod edit;
mod external_locations;
mod functions;
mod grants;
mod http;
mod kind;
mod listing;
mod location;
mod metadata;
mod metastores;
mod names;
mod node;
mod principals;
mod privilege;
mod reach;
mod resolve;
mod rights;
mod schemas;
mod service;
mod store;
mod sweep;
mod system;
mod tables;
mod tags;
mod temporary;
#[cfg(test)]
mod testing;
mod unsupported;
mod volumes;

pub use bootstrap::{Bootstrap, MAIN};
pub use credentials::ops::SERVER_STORAGE;
pub use location::{S3Config, StorageConfig};
pub use metadata::TableQuery;
pub use reach::{REACH_TOPIC, StoragePlace};
pub use service::{Catalog, Principals, StorageSweep};
pub use system::SystemSource;

use axum::Router;
use biplane_platform::Migration;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "catalog_0001", sql: include_str!("../migrations/0001_catalog.sql") },
    Migration { name: "catalog_0002", sql: include_str!("../migrations/0002_system_tables.sql") },
    Migration { name: "catalog_0003", sql: include_str!("../migrations/0003_tags.sql") },
];

impl Catalog {
    /// The public REST API.
    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        OpenApiRouter::new()
            .merge(metastores::http::routes())
            .merge(catalogs::http::routes())
            .merge(schemas::http::routes())
            .merge(tables::http::routes())
            .merge(volumes::http::routes())
            .merge(functions::http::routes())
            .merge(credentials::http::routes())
            .merge(credentials::storage_http::routes())
            .merge(external_locations::http::routes())
            .merge(grants::http::routes())
            .merge(bindings::http::routes())
            .merge(temporary::http::routes())
            .merge(unsupported::routes())
            .with_state(self.clone())
    }

    /// For engines, on connections of the relay only; never on a public listener.
    pub fn internal_routes(self: &Arc<Self>) -> Router {
        Router::new()
            .merge(resolve::http::routes())
            .merge(system::http::routes())
            .merge(tables::internal::routes())
            .merge(tags::internal::routes())
            .with_state(self.clone())
    }
}
